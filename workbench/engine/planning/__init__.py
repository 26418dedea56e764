"""Which kernel and layout each layer gets: costs, exact selection, caches on disk."""
