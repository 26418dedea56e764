"""Sample models: architectures, trained weights and a card each."""
