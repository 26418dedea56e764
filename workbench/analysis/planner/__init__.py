"""From a sweep to a recipe under a budget."""
