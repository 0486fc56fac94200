"""Third floor: BERT, pre-trained, fine-tuned or read for its vectors."""
