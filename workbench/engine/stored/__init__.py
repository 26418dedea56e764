"""What comes back from disk: checked values, sealed small files, weights in a file."""
