"""What pages ask of the public API: cached, per session, never mutating."""
