"""BERT, with google-research/bert's variable names.

config.py                  bert_config.json and what must fit it
encoder_decoder_config.py  two of them: one reads, the other writes
masked_tokens.py           what stands between a token's vector and its word
modeling.py                the encoder, with google-research/bert's variable names
norm.py                    LayerNorm with the dropout and sum before it
other_models.py            what is near to a BERT and is none, by its name
part.py                    what every layer of it has in common
"""
