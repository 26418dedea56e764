"""Foreign networks in: torch modules and files become engine graphs."""
