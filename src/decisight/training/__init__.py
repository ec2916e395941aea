"""Training: from labelled pictures to a calibrated model."""
