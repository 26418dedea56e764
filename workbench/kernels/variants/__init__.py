"""How a kernel may be packed and cut, and which variants are worth timing."""
