"""The detail layer: what a learned picture leaves, coded as coefficients of a plain transform."""
