"""Which layer can be pruned by which method how far: cells, rows, files."""
