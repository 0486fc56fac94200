"""A new model as its author writes it: settings, model and run in one folder."""
