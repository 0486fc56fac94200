"""Compiles the real steps of a run for a TPU that is not there."""
