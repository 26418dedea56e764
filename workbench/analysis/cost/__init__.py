"""What a network costs on paper: multiply-adds, bytes, rooflines."""
