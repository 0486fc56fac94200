from processors.example import InputExample
from processors.labels.targets import Objective
from processors.tasks import registry
from processors.tasks.table_options import TableOptions

REGRESSION = TableOptions(objective=Objective.REGRESSION)
STSB = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2"


def test_stsb_as_glue_gives_it(tmp_path):
    row = (
        "0\tmain-captions\tMSRvid\t2012test\t0001\tnone\tnone\tA plane.\tAn air plane."
    )
    for name in ("train", "dev"):
        (tmp_path / f"{name}.tsv").write_text(f"{STSB}\tscore\n{row}\t5.000\n")
    (tmp_path / "test.tsv").write_text(f"{STSB}\n{row}\n")
    stsb = registry.create("stsb", REGRESSION)
    for split, number in (("train", 5.0), ("dev", 5.0), ("test", None)):
        [example] = getattr(stsb, f"get_{split}_examples")(str(tmp_path))
        assert example == InputExample(
            f"{split}-0", "A plane.", "An air plane.", number=number
        )
    assert stsb.get_labels() == ["score"]
