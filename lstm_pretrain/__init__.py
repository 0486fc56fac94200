"""Second floor: an LSTM language model, and the classifier it becomes."""
