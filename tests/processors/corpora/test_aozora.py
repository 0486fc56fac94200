import io
import logging
import tarfile

import pytest

from processors.corpora import aozora, aozora_marks

RULE = "-" * 55
BODY = "　彼は言った。\r\n\r\n　歩いていって《い》った。\r\n\r\n"
COLOPHON = "底本：「全集」\r\n　　　1990年\r\n入力：だれか\r\n"
WITH_SIGNS = (
    "題｜名《だいめい》\r\n副題\r\n作者\r\n\r\n"
    f"{RULE}\r\n《》：ルビ\r\n{RULE}\r\n\r\n{BODY}{COLOPHON}"
)
WITHOUT_SIGNS = f"題名\r\n作者\r\n\r\n{BODY}{COLOPHON}"


def parse(text):
    return aozora.parse_work(text, person="000035", work_id="1")


@pytest.mark.parametrize("text", [WITH_SIGNS, WITHOUT_SIGNS])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_heading_and_colophon_are_not_the_work(text, line_end):
    work = parse(text.replace("\r\n", line_end))
    assert (work.first_line, work.author) == ("題名", "作者")
    assert [text for _, text in work.paragraphs()] == [
        "彼は言った。",
        "歩いていってった。",
    ]


def test_paragraphs_know_their_line():
    lines = WITH_SIGNS.split("\r\n")
    assert [number for number, _ in parse(WITH_SIGNS).paragraphs()] == [
        lines.index("　彼は言った。") + 1,
        lines.index("　歩いていって《い》った。") + 1,
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "title and author"),
        ("題名\r\n作者", "title and author"),
        (WITH_SIGNS.replace(COLOPHON, ""), "one line that begins with 底本："),
        (WITH_SIGNS.replace(RULE, "", 1), "no rules or two"),
        (WITH_SIGNS + COLOPHON, "one line that begins with 底本："),
    ],
)
def test_another_order_is_told(text, reason):
    with pytest.raises(aozora.NoWorkError, match=reason):
        parse(text)


def test_files_that_are_no_works_are_counted_and_named(tmp_path, caplog):
    """One of them once ended the reading of all that follow."""
    files = {
        "1_a": WITH_SIGNS.encode("cp932"),
        "2_b": WITH_SIGNS.encode("cp932") + b"\xeb\x81",
        "3_c": b"nothing",
        "4_d": "題\r\n作者\r\n\r\n".encode("cp932"),
        "5_e": b"nothing, too",
        "6_f": WITHOUT_SIGNS.encode("cp932"),
    }
    path = tmp_path / "works.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cards/000035/files/{name}/{name}.txt")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with caplog.at_level(logging.WARNING):
        assert [work.id for work in aozora.read_works(str(path))] == ["1", "6"]
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "2 files passed over: expected title and author above an empty line, such as"
        " cards/000035/files/3_c/3_c.txt",
        "1 files passed over: expected CP932, found other bytes, such as"
        " cards/000035/files/2_b/2_b.txt",
        "1 files passed over: expected one line that begins with 底本：, such as"
        " cards/000035/files/4_d/4_d.txt",
    ]


def test_parts_of_a_series_have_titles_of_their_own():
    work = parse(WITH_SIGNS)
    assert (work.title, work.first_line) == ("題名 副題", "題名")


def test_titles_and_names_are_without_notes():
    text = WITH_SIGNS.replace("副題", "※［＃「目＋爭」、第3水準1-88-85］").replace(
        "作者", "宮澤賢治［＃「澤」はママ］"
    )
    assert (parse(text).title, parse(text).author) == ("題名 睜", "宮澤賢治")


@pytest.mark.parametrize(
    ("where", "words", "reserved"),
    [
        ("底本：", "底本：", False),
        ("入力：だれか", "※著作権継承者の意思により掲載", True),
        ("入力：だれか", "入力：だれか（Ｃ）", False),
        ("作者", "作者 Copyright 2000", True),
        ("言った。", "Creative Commonsの", True),
        ("言った。", "許諾を得た。", False),
    ],
)
def test_works_in_which_somebody_has_rights(where, words, reserved):
    assert parse(WITH_SIGNS.replace(where, words)).has_rights_reserved is reserved


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("　呟《つぶや》き", "呟き"),
        ("金魚｜藻《も》を", "金魚藻を"),
        ("お殺せ［＃「お殺せ」に傍点］なさい", "お殺せなさい"),
        ("［＃３字下げ］一［＃「一」は中見出し］", "一"),
        ("甲［＃「［＃「乙」に傍点］」はママ］丙", "甲丙"),
        ("※［＃「口＋世」、第3水準1-14-91］く", ""),
        ("〔E'tranger〕という", ""),
        ("だん／＼に", ""),
        ("馬［※１］のしっぽ", ""),
        ("学［＃二］而時習［＃レ］之", ""),
        ("不［＃（ズ）］知", ""),
        ("　　", ""),
    ],
)
def test_plain_text(line, plain):
    assert aozora.plain_text(line) == plain


@pytest.mark.parametrize(
    ("line", "readable"),
    [
        ("※［＃「目＋爭」、第3水準1-88-85］る《みは》る", "睜るる"),
        ("※［＃「足へん＋宛」、第3水準1-92-36］く", "踠く"),
        ("※［＃「土へん＋鹿」、U+5875、12-3］だ", "塵だ"),
        ("※［＃「言＋墟のつくり」、12-3］だ", "〓だ"),
        ("行け※［＃感嘆符二つ、1-8-75］", "行け‼"),
        ("〔E'tranger〕と〔ga^teau〕", "Étrangerとgâteau"),
        ("〔註〕", ""),
        ("だん／＼に、ため／″＼", "だん〱に、ため〲"),
        ("馬［※１］のしっぽ", ""),
        ("学［＃二］而時習［＃レ］之", ""),
        ("甲［＃「※［＃「口＋世」、第3水準1-14-91］」に傍点］", "甲"),
    ],
)
def test_readable_text(line, readable):
    assert aozora.readable_text(line) == readable


def test_numbers_that_no_character_has():
    assert aozora_marks.resolve("※［＃「何か」、第3水準1-99-99］") == "〓"


@pytest.mark.parametrize(
    ("body", "modern"),
    [
        ("歩いていった。そうして笑った。", True),
        ("歩いてゐた。さうして笑つた。", False),
        ("さうして言つた。", False),
        ("彼はいった。" * 600 + "ゐる", True),
        ("空白", False),
    ],
)
def test_modern_kana(body, modern):
    work = aozora.Work("000035", "1", ("題", "作者"), {1: body})
    assert work.has_modern_kana is modern
