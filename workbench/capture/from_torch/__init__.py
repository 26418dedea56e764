"""A torch module becomes the engine's graph."""
