"""Damaged and forged files for every reader: what comes out is a value or a
`WorkbenchError`, soon, and in memory that the file justifies.

One file a reader in ``targets``, one table there; `python -m tests.fuzz` lists them.
"""
