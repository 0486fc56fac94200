"""Text to masked sequences: what a masked language model is pre-trained on."""
