"""Sensitivity sweeps: recorded cell by cell, resumed by key, anywhere run."""
