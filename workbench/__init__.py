"""Prune convolutional networks, measure what it gains, take the result away."""

__version__ = "0.1.0"
