"""The rate-distortion benchmark: plan, workers, results, BD-rate."""
