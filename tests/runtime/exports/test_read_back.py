import pytest

from runtime.errors import CompilationError
from runtime.exports import read_back


def test_a_reader_cannot_import_the_toolkit(tmp_path, monkeypatch):
    (tmp_path / "reader.py").write_text("import runtime\n")
    monkeypatch.setattr(read_back, "__file__", str(tmp_path / "read_back.py"))
    with pytest.raises(CompilationError, match=r"cannot read x: .*runtime"):
        read_back.read("reader", {"folder": "x"})


def test_what_libraries_print_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "reader.py").write_text(
        "print('welcome')\ndef answers(request): return {'ids': request['blocks']}\n"
    )
    monkeypatch.setattr(read_back, "__file__", str(tmp_path / "read_back.py"))
    found = read_back.read("reader", {"folder": "x", "blocks": [1]})
    assert found == {"ids": [1]}
