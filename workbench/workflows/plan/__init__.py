"""Plans proved: pruned, evaluated, measured and repaired."""
