"""Smaller networks: shared weights, entropy coding, the `.wbz` file, factorisation."""
