"""One file per picture; all drawn by `frame.show`, so that they look alike."""
