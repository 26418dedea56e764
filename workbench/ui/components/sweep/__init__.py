"""Parts of page Sensitivity."""
