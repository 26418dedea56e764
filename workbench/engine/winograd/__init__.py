"""Winograd convolution: exact matrices, error bounds, tables of tiles."""
