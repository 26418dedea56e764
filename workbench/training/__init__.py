"""Training: the loop, schedules, augmentation, checkpoints; batch norm statistics."""
