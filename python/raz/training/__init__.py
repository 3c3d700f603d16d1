"""Training: configuration, loop, checkpoints, calibration of operating points."""
