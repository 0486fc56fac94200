"""Texts for new sources: lines in, JSON lines out.

settings.py     what is told; each field is a command-line flag
preparation.py  what is opened and checked before a framework loads
writer.py       an encoder-decoder that writes for any sources
run.py          lines of a file or of standard input
"""
