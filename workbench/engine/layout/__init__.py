"""Where activations lie in memory, and which sixteen pixels go together."""
