"""Masks while training: frozen, growing, pulled towards zero, rewound."""
