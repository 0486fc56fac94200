"""Second floor: BERT, fine-tuned as a classifier."""
