"""The training loop: epochs, schedules, augmentation, checkpoints, processes."""
