from __future__ import annotations

import struct

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager, image

from pipelines.reports import plots
from runtime import storage
from runtime.checkpoints.checkpoints import Best
from runtime.errors import DataError

JAPANESE = ["政治", "経済"]


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "eval" / "picture.png")


@pytest.fixture
def fonts(monkeypatch) -> list[font_manager.FontEntry]:
    """The installed fonts, for this test: the one that comes with matplotlib."""
    entries = font_manager.fontManager.ttflist
    kept = [entry for entry in entries if entry.name == "DejaVu Sans"]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", kept)
    return kept


def make_font(path: str, *, family: str, characters: str) -> font_manager.FontEntry:
    """A font whose every character is the same box."""
    pen = TTGlyphPen(None)
    for place, point in enumerate([(0, 0), (0, 800), (800, 800), (800, 0)]):
        (pen.lineTo if place else pen.moveTo)(point)
    pen.closePath()
    names = [".notdef", "box"]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(character): "box" for character in characters})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return font_manager.ttfFontProperty(font_manager.get_font(path))


def picture(path: str) -> tuple[int, int, bytes]:
    """Width and height in pixels, and the file."""
    content = storage.read_bytes(path)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    return *struct.unpack(">II", content[16:24]), content


def draw(path: str, labels: list[str]) -> tuple[int, int, bytes]:
    ids = np.arange(len(labels))
    plots.plot_confusion_matrix(path, gold=ids, predicted=ids[::-1], labels=labels)
    return picture(path)


@pytest.mark.parametrize(
    "labels",
    [
        ["0", "1"],
        ["dokujo-tsushin", "it-life-hack", "peachy"],
        ["cost $5", "$x^{"],
        [f"category-{number}" for number in range(30)],
    ],
)
def test_confusion_matrix_is_a_picture(path, labels):
    width, height, _ = draw(path, labels)
    assert 300 < width < 2500
    assert 300 < height < 2500


def test_hundreds_of_labels_stay_a_picture_one_can_open(path):
    width, height, _ = draw(path, [f"category-{number}" for number in range(300)])
    assert max(width, height) < 2600


def test_labels_without_examples_can_be_drawn(path):
    ids = np.array([1, 1])
    plots.plot_confusion_matrix(path, gold=ids, predicted=ids, labels=["a", "b", "c"])
    picture(path)


def test_nothing_to_draw_is_refused(path):
    nothing = np.array([], np.int64)
    with pytest.raises(DataError, match="needs labelled examples"):
        plots.plot_confusion_matrix(path, gold=nothing, predicted=nothing, labels=["a"])
    assert not storage.exists(path)


def test_names_no_font_can_draw_give_way_to_ids(path, fonts, tmp_path):
    assert plots.find_font(JAPANESE) is None
    other = str(tmp_path / "other.png")
    assert draw(path, JAPANESE) == draw(other, ["日本", "世界"])
    assert draw(path, JAPANESE) != draw(other, ["ab", "cd"])


def test_japanese_font_is_found_by_name_and_by_what_it_can_draw(fonts, tmp_path):
    def install(family: str, characters: str) -> None:
        font_path = str(tmp_path / f"{len(fonts)}.ttf")
        fonts.append(make_font(font_path, family=family, characters=characters))

    install("Wingdings", "政治経済")
    install("Noto Sans CJK JP", "政治")
    assert plots.find_font(JAPANESE) is None
    install("IPAexGothic", "政治経済")
    assert plots.find_font(JAPANESE) == "IPAexGothic"
    assert plots.find_font(["a b", "é"]) == "DejaVu Sans"


def test_japanese_names_are_drawn_with_that_font(path, fonts, tmp_path):
    without = draw(path, JAPANESE)
    font_path = str(tmp_path / "font.ttf")
    fonts.append(make_font(font_path, family="TakaoGothic", characters="政治経済"))
    assert draw(path, JAPANESE) != without


def test_learning_curve(path):
    train = [{"step": step, "loss": 1 / step} for step in range(1, 60)]
    dev = [{"step": 30, "eval_loss": 0.5, "eval_accuracy": 0.8, "loss": 9.0}]
    plots.plot_learning_curve(path, train)
    _, height, _ = picture(path)
    plots.plot_learning_curve(path, train + dev)
    assert picture(path)[1] > height


def test_dev_lines_loss_is_not_the_trainings(path, tmp_path):
    other = str(tmp_path / "other.png")
    train = [{"step": step, "loss": 1 / step} for step in (1, 2, 3)]
    plots.plot_learning_curve(path, [*train, {"step": 2, "eval_loss": 0.5}])
    plots.plot_learning_curve(
        other, [*train, {"step": 2, "eval_loss": 0.5, "loss": 90.0}]
    )
    assert picture(path) == picture(other)


OVERFITTED = [
    *({"step": step, "loss": 1 / step} for step in range(1, 61)),
    *(
        {"step": step, "eval_loss": loss, "eval_accuracy": 0.8, "eval_macro_f1": f1}
        for step, loss, f1 in [(20, 0.5, 0.6), (40, 0.3, 0.7), (60, 0.6, 0.8)]
    ),
]


def green_rows(path: str) -> np.ndarray:
    """Where a picture has green pixels, as shares of its height."""
    red, green, blue = np.moveaxis(image.imread(path)[..., :3], -1, 0)
    is_green = green > np.maximum(red, blue) + 0.2
    return np.flatnonzero(is_green.any(axis=1)) / len(is_green)


def test_the_best_checkpoint_is_marked_in_both_panels(path):
    plots.plot_learning_curve(path, OVERFITTED)
    assert green_rows(path).size == 0
    best = Best(step=40, by="eval_loss", score=0.3)
    plots.plot_learning_curve(path, OVERFITTED, best=best)
    rows = green_rows(path)
    assert (rows < 0.4).any()
    assert (rows > 0.6).any()


def test_the_score_that_chose_is_drawn(path, tmp_path):
    other = str(tmp_path / "other.png")
    best = Best(step=60, by="eval_macro_f1", score=0.8)
    plots.plot_learning_curve(path, OVERFITTED, best=best)
    renamed = [
        {name.replace("accuracy", "other"): value for name, value in line.items()}
        for line in OVERFITTED
    ]
    plots.plot_learning_curve(other, renamed, best=best)
    assert picture(path) == picture(other)
    plots.plot_learning_curve(other, OVERFITTED)
    assert picture(path) != picture(other)


@pytest.mark.parametrize(
    "metrics",
    [
        [],
        [{"step": 1, "loss": 1.0}],
        [{"step": 1, "loss": float("nan")}],
        [{"step": 1, "eval_loss": 1.0}],
    ],
)
def test_short_learning_curves(path, metrics):
    plots.plot_learning_curve(path, metrics)
    picture(path)


@pytest.mark.parametrize("name", ["score", "類似度", "$x_"])
def test_numbers_are_points(path, name):
    gold = np.array([0, 1.5, 2.5, 5], np.float32)
    plots.plot_numbers(path, gold=gold, predicted=gold + 0.25, name=name)
    *size, content = picture(path)
    assert min(size) > 400
    plots.plot_numbers(path, gold=gold, predicted=gold - 1, name=name)
    assert picture(path)[2] != content


def test_one_number_is_a_point(path):
    one = np.array([2.0], np.float32)
    plots.plot_numbers(path, gold=one, predicted=one, name="score")
    assert picture(path)[0] > 400


def test_rates_are_a_picture(path):
    plots.plot_rates(path, {"one": 12.0, "other": 3.4e6}, measure="pairs a second")
    width, height, _ = picture(path)
    assert width > height > 0
