"""The engine's graph as a torch module: layers to prune, steps for everything else."""
