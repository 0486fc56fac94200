from lstm_pretrain.settings import EncoderSettings


def test_buckets_end_with_the_limit():
    for limit in (1, 7, 8, 100, 128, 160, 600):
        lengths = EncoderSettings(max_seq_length=limit).buckets
        assert lengths[-1] == limit
        assert list(lengths) == sorted(set(lengths))
