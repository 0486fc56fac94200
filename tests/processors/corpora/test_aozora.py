import pytest

from processors.corpora import aozora

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
    assert (work.title, work.author) == ("題名", "作者")
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
    "text",
    [
        "",
        "題名\r\n作者",
        WITH_SIGNS.replace(COLOPHON, ""),
        WITH_SIGNS.replace(RULE, "", 1),
        WITH_SIGNS + COLOPHON,
    ],
)
def test_another_order_is_passed_over(text):
    assert parse(text) is None


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
    work = aozora.Work("000035", "1", "題", "作者", {1: body})
    assert work.has_modern_kana is modern
