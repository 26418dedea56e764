"""Every format a network can be written in: one file each, one line in table.py."""
