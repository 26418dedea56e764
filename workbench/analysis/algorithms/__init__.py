"""Convolution by every algorithm, its memory layouts and its numerics."""
