"""Accuracy, cost and statistics of networks."""
