"""Texts to token ids: SentencePiece and WordPiece behind one interface.

base.py              the interface
helpers.py           several processes that encode a long stream of texts
settings.py          what decides the tokenizer
create.py            the tokenizer that the settings ask for
hugging_face.py      or that a Hugging Face folder describes
sentence_piece.py    bert-japanese's
library.py           any tokenizer.json, through the library that wrote it
kept.py              a run's tokenizer beside its checkpoints
difference.py        what tells two tokenizers apart, in words
word_piece.py        google-research/bert's
mecab.py             the Japanese BERTs'
character.py         characters, without words
word_tokenizer.py    what those of words have in common
words.py             what every way of finding words can do
basic_words.py       BERT's words
mecab_words.py       MeCab's words
mecab_dictionary.py  the least of a dictionary that gives the same words
mecab_copy.py        copies of dictionaries that segment faster
units.py             whole words or characters as tokens
spelling.py          words to the tokens of a vocabulary
batch_encoder.py     many texts at once, by arrays over their characters
piece_table.py       the pieces of a vocabulary in arrays
alignment.py         a changed text that knows its original characters
surrogates.py        half of a surrogate pair
vocabulary.py        vocabulary files
trainer.py           a tokenizer's files made from text
training.py          vocabularies made from text
"""
