"""The network as the engine sees it: typed nodes, rewrites, weights in every form."""
