import pytest

from processors.readers import encodings


@pytest.mark.parametrize("name", ["utf-8", "CP932", "shift_jis", "EUC-JP", "utf-16"])
def test_encodings_that_there_are(name):
    assert not list(encodings.problems(name))


@pytest.mark.parametrize("name", ["cp9320", "", "rot13", "base64"])
def test_encodings_that_there_are_not(name):
    [problem] = encodings.problems(name, flag="text_encoding")
    assert problem.startswith("--text_encoding: expected an encoding such as utf-8")
    assert problem.endswith(f", got {name!r}.")


def test_wrong_bytes_can_be_had_back():
    data = b"a\xff\xe3\x81\x82\x80"
    text = encodings.decoder("utf-8").decode(data, True)
    assert encodings.find_escaped(text) == 1
    assert encodings.unescape(text, codec="utf-8") == data
    assert encodings.find_escaped("あ\U0001f600") == -1


def test_bytes_of_no_encoding():
    advice = encodings.advise([b"\x81\xff"], instead_of="utf-8")
    assert "so the file may be damaged" in advice
