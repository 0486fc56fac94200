"""Roof: command-line flags become settings and one call."""
