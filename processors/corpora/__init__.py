"""Text corpora in the form they are downloaded in."""
