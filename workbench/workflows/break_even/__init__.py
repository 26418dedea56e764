"""From which sparsity a layer is really faster, for each way to prune it."""
