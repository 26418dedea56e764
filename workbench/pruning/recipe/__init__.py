"""Recipes: rules, their file, and which rule speaks for which layer."""
