"""Measurements: each beside the baseline it claims to beat, in one run on one machine."""
