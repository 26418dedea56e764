"""Factories of steps: check the arguments once, hand them to a back end."""
