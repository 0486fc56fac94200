"""Nothing that the task `authors` is tested on is in the text that is trained on."""

from processors.corpora.aozora import Work
from processors.corpora.aozora_corpus import HeldOut, Whose, documents


def make_work(number, *lines, title="題", author="太宰治"):
    # A work in modern kana has some っ.
    body = dict(enumerate((*lines, "そうだったって言った。"), start=1))
    return Work("000035", number, (title, author), body)


SECRET = "これは試験に出る二十文字よりも長いひとつの文章なのである。"


def make_documents(*works, numbers=(), texts=()):
    held_out = HeldOut.of(works, numbers=numbers, texts=texts)
    return ["".join(sentences) for sentences in documents(works, held_out=held_out)]


def test_held_out_works_and_their_versions_are_left_out():
    works = [
        make_work("1", "一の文。", title="甲"),
        make_work("2", "二の文。", title="乙"),
        make_work("3", "三の文。", title="甲"),
        make_work("4", "四の文。", title="甲", author="夏目漱石"),
    ]
    found = make_documents(*works, numbers={"1"})
    assert [text[0] for text in found] == ["二", "四"]


def test_passages_are_left_out_wherever_they_are():
    works = [
        make_work("1", f"前置き。{SECRET}", "別の段落。", title="甲"),
        make_work("2", SECRET[:19], title="乙"),
    ]
    [first, second] = make_documents(*works, texts=[f"「{SECRET}」と言う。"])
    assert first.startswith("別の段落。")
    assert second.startswith(SECRET[:19])


def test_sentences_are_parted_and_others_left_out():
    works = [
        make_work("1", "行く。来た！「見た。」と言う。"),
        make_work("2", "誰か。", author="知らない人"),
        make_work("60574", "新しい訳。", title="丙"),
        Work("000035", "5", ("丁", "太宰治"), {1: "思ひ出すゐるゑみ。" * 20}),
    ]
    held_out = HeldOut(frozenset(), frozenset(), frozenset())
    [sentences] = documents(works, held_out=held_out)
    assert sentences[:3] == ["行く。", "来た！", "「見た。」と言う。"]


NOTHING = HeldOut(frozenset(), frozenset(), frozenset())


def sentence(number):
    return f"これは第{number}の話で、ほかのどこにもない文である。"


def test_episodes_of_one_title_stay_and_versions_go():
    told = [sentence(number) for number in range(20)]
    works = [
        make_work("1", *told, title="捕物"),
        make_work("2", *map(sentence, range(20, 40)), title="捕物"),
        make_work("3", *told[:2], *map(sentence, range(40, 58)), title="捕物"),
        make_work("4", *told[:2], *map(sentence, range(60, 78)), title="別"),
        make_work("5", *told[:8], *map(sentence, range(80, 92)), title="別の別"),
        make_work("6", *told, title="捕物"),
    ]
    found = [text[3] for text, *_ in documents(works, held_out=NOTHING)]
    assert found == [text[3] for text in map(sentence, (0, 20, 0))]


def test_versions_of_held_out_works_go_whatever_their_title():
    told = [sentence(number) for number in range(20)]
    works = [
        make_work("1", *told, title="捕物"),
        make_work("2", *told[5:], title="捕物 改訂"),
        make_work("3", *map(sentence, range(20, 40)), title="捕物の続き"),
    ]
    held_out = HeldOut.of(works, numbers={"1"}, texts=())
    found = [text[3] for text, *_ in documents(works, held_out=held_out)]
    assert found == [sentence(20)[3]]


def test_one_author_has_several_names():
    works = [
        make_work("1", "一の文。", title="甲", author="宮沢賢治"),
        make_work("2", "二の文。", title="甲", author="宮澤賢治"),
        make_work("3", "三の文。", title="乙", author="森林太郎"),
    ]
    held_out = HeldOut.of(works, numbers={"1"}, texts=())
    assert [each[0] for each in documents(works, held_out=held_out)] == ["三の文。"]


def test_all_authors_but_those_who_have_rights():
    works = [
        make_work("1", "一の文。", author="知らない人"),
        Work("1", "2", ("乙", "誰か"), {1: "そうだって言った。"}, "許諾を得て"),
        make_work("3", "※［＃「口＋世」、U+546D］く。", author="別の人"),
    ]
    found = documents(works, held_out=NOTHING, whose=Whose.ALL)
    assert [each[0] for each in found] == ["一の文。", "呭く。"]
