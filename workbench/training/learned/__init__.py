"""Methods that choose what to prune while they train."""
