"""Texts to token ids: SentencePiece and WordPiece behind one interface."""
