"""Measurements: speed as ratios within one run, accuracy, statistical coverage."""
