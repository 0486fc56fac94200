r"""Makes the text that `aozora-mini` is pre-trained on from Aozora Bunko's texts.

    python scripts/make_aozora_corpus.py --archive=aozora-six-authors.tar.xz \
        --output_dir=runs/aozora_corpus

`train.txt` has no work of the dev and test split of the task `authors`, no passage of
their paragraphs, and not the story that recipes/merosu_mlm.flags trains on;
`heldout.txt` has the works of the dev split. A sentence is a line, a blank line ends a
work. For the archive see scripts/make_authors_data.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from absl import flags

from processors.corpora import aozora, aozora_corpus
from processors.corpora.aozora_corpus import HeldOut
from processors.tasks.authors import AuthorsProcessor
from runtime import storage
from scripts import console

_ARCHIVE = flags.DEFINE_string(
    "archive", None, "The .tar.xz or .tar.gz of Aozora's text files.", required=True
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Where train.txt and heldout.txt go.", required=True
)

_STORY = "走れメロス"


def write(name: str, documents: Iterable[list[str]]) -> None:
    """Writes documents, and says how many."""
    path = storage.join(_OUTPUT_DIR.value, name)
    texts = ["\n".join(sentences) + "\n" for sentences in documents]
    storage.write_text(path, "\n".join(texts))
    print(f"{path}: {len(texts)} works, {sum(map(len, texts))} characters")


def main(_: Sequence[str]) -> None:
    """Reads the archive and writes both texts."""
    works = list(aozora.read_works(_ARCHIVE.value))
    task = AuthorsProcessor()
    folder = task.default_data_dir
    splits = {
        "dev": task.get_dev_examples(folder),
        "test": task.get_test_examples(folder),
    }
    numbers = {
        split: {example.guid.split("-")[1] for example in examples}
        for split, examples in splits.items()
    }
    story = {work.id for work in works if work.title == _STORY}
    told = [text for w in works if w.id in story for _, text in w.paragraphs()]
    seen = [example.text_a for each in splits.values() for example in each]
    held_out = HeldOut.of(
        works, numbers=numbers["dev"] | numbers["test"] | story, texts=[*seen, *told]
    )
    write("train.txt", aozora_corpus.documents(works, held_out=held_out))
    nothing = HeldOut(frozenset(), frozenset(), frozenset())
    dev = [work for work in works if work.id in numbers["dev"]]
    write("heldout.txt", aozora_corpus.documents(dev, held_out=nothing))


if __name__ == "__main__":
    console.run(main)
