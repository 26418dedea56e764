"""Checked values that the kernels receive: geometries, vectors, specs."""
