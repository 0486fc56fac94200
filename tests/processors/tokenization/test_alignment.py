import unicodedata

import pytest

from processors.tokenization.alignment import (
    Aligned,
    Lowered,
    Normalized,
    Step,
    Translated,
    align,
    change,
)

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
STEPS = [
    *((Normalized(form),) for form in FORMS),
    (Lowered(),),
    (Normalized("NFKC"), Lowered(), Normalized("NFD")),
    (Lowered(), Normalized("NFD"), Normalized("NFKC")),
]


@pytest.mark.parametrize("steps", STEPS, ids=str)
def test_both_ways_give_one_text(odd_texts, steps: tuple[Step, ...]):
    for text in odd_texts:
        aligned = align(Aligned.of(text), steps=steps)
        assert aligned.text == change(text, steps=steps)
        assert len(aligned.starts) == len(aligned.ends) == len(aligned.text)


@pytest.mark.parametrize("form", FORMS)
def test_spans_lie_in_order_and_normalise_to_their_part(odd_texts, form):
    for text in odd_texts:
        aligned = Normalized(form).align(Aligned.of(text))
        spans = list(zip(aligned.starts, aligned.ends, strict=True))
        assert spans == sorted(spans)
        for span in set(spans):
            part = "".join(
                c for c, s in zip(aligned.text, spans, strict=True) if s == span
            )
            assert part == unicodedata.normalize(form, text[slice(*span)])


@pytest.mark.parametrize(
    ("text", "form", "normal", "spans"),
    [
        ("aｶﾞb", "NFKC", "aガb", [(0, 1), (1, 3), (3, 4)]),
        ("㍿x", "NFKC", "株式会社x", [*[(0, 1)] * 4, (1, 2)]),
        ("か\u3099き", "NFC", "がき", [(0, 2), (2, 3)]),
        ("が", "NFD", "か\u3099", [(0, 1), (0, 1)]),
        ("\u1100\u1161\u11a8", "NFC", "각", [(0, 3)]),
        ("a\u0323\u0307", "NFC", "ạ\u0307", [(0, 3), (0, 3)]),
        ("\u3099か", "NFC", "\u3099か", [(0, 1), (1, 2)]),
        ("\u0307\u0323a①", "NFKC", "\u0323\u0307a1", [(0, 2), (0, 2), (2, 3), (3, 4)]),
    ],
)
def test_what_changes_together_has_one_span(text, form, normal, spans):
    aligned = Normalized(form).align(Aligned.of(text))
    assert aligned.text == normal
    assert list(zip(aligned.starts, aligned.ends, strict=True)) == spans


def test_lower_case_may_be_longer():
    aligned = Lowered().align(Aligned.of("xİΣ"))
    assert aligned.text == "xi̇ς"
    assert aligned.starts == [0, 1, 1, 2]
    assert aligned.ends == [1, 2, 2, 3]


def test_a_table_deletes_and_adds():
    table = {ord("a"): "", ord("b"): " b ", ord("c"): "c"}
    aligned = Translated(table).align(Aligned.of("abc"))
    assert aligned.text == " b c"
    assert aligned.span(1, 2) == (1, 2)
    assert [part.text for part in aligned.split()] == ["b", "c"]
    assert aligned.split()[1].span(0, 1) == (2, 3)


def test_parts_between_white_space_are_those_of_split(odd_texts):
    for text in odd_texts:
        parts = Aligned.of(text).split()
        assert [part.text for part in parts] == text.split()
        assert all(text[slice(*p.span(0, len(p.text)))] == p.text for p in parts)
