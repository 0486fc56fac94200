"""Weights as other programs keep them: found, read, written and converted."""
