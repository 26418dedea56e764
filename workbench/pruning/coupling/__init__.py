"""Which channels of which layers must go together, traced and tried."""
