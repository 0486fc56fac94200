"""Text to masked sequences: what a masked language model is pre-trained on.

settings.py       what decides the examples
corpus.py         documents of sentences of tokens in memory
documents.py      files to these
words.py          which tokens are of one word
sequences.py      documents to sequences: next sentence, order, one segment
static_masks.py   masks with the original's random numbers
dynamic_masks.py  masks as a function of seed, epoch and example
maker.py          a corpus to sequences, document by document
parts.py          what long work has made so far
create.py         text files to records
report.py         what became of the text, and what is wrong with it
text.py           text files to sequences in memory
dataset.py        sequences in memory
data_check.py     what they are like, and whether evaluation proves anything
records.py        TFRecords of sequences, and the original's
batches.py        what is to be predicted in a batch
"""
