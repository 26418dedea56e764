"""Measured costs and whole programs in turns: what timing adds to a plan."""
