"""Parts of page Kernels."""
