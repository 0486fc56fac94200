import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import tarfile
import zipfile

import pytest

from processors.base import Format, Table
from processors.readers import file_kinds
from processors.readers.lines import TextFile
from runtime.errors import DataError
from runtime.files import tfrecord

ROWS = "text\tlabel\n" + "映画は面白かった。\tgood\n" * 40


def zip_of(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, ROWS)
    return buffer.getvalue()


def tar_of(mode, file_format=tarfile.GNU_FORMAT):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=file_format) as archive:
        member = tarfile.TarInfo("train.tsv")
        member.size = len(ROWS.encode())
        archive.addfile(member, io.BytesIO(ROWS.encode()))
    return buffer.getvalue()


def sqlite_bytes():
    with sqlite3.connect(":memory:") as database:
        database.execute("create table t (text, label)")
        content = database.serialize()
    database.close()
    return content


KINDS = {
    "xlsx": (zip_of("[Content_Types].xml", "xl/workbook.xml"), "an Excel file (.xlsx)"),
    "docx": (zip_of("[Content_Types].xml", "word/document.xml"), "a Word file"),
    "pptx": (zip_of("ppt/presentation.xml"), "a PowerPoint file"),
    "ods": (zip_of("mimetype", "content.xml"), "an OpenDocument file (.ods, .odt)"),
    "numbers": (zip_of("Index/Document.iwa"), "a Numbers or Pages file"),
    "zip": (zip_of("train.tsv"), "a zip archive: unpack it first, by unzip "),
    "empty zip": (zip_of(), "a zip archive"),
    "cut zip": (zip_of("train.tsv")[:-9], "a zip archive"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Office file of the old"),
    "bz2": (bz2.compress(ROWS.encode()), "a bzip2 file: unpack it first, by bzip2 -dc"),
    "bz2 fast": (bz2.compress(ROWS.encode(), 1), "a bzip2 file"),
    "xz": (lzma.compress(ROWS.encode()), "an xz file: unpack it first, by xz -dc"),
    "zstd": (
        b"\x28\xb5\x2f\xfd\x24\x05a",
        "a Zstandard file: unpack it first",
    ),
    "lz4": (b"\x04\x22\x4d\x18\x64\x40", "an LZ4 file"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7-Zip archive: unpack it first, by 7z x"),
    "rar": (b"Rar!\x1a\x07\x01\0", "a RAR archive"),
    "tar": (tar_of("w"), "a tar archive: unpack it first, by tar -xf"),
    "posix tar": (tar_of("w", tarfile.PAX_FORMAT), "a tar archive"),
    "tar.gz": (tar_of("w:gz"), "in the gzip file a tar archive"),
    "xlsx.gz": (gzip.compress(zip_of("xl/a")), "in the gzip file an Excel file"),
    "gz.gz": (gzip.compress(gzip.compress(b"a")), "in the gzip file a gzip file"),
    "parquet": (
        b"PAR1\x15\x04\0\0PAR1",
        "a Parquet file: write its rows as JSON",
    ),
    "arrow": (b"ARROW1\0\0\xff\xff\xff\xff", "an Arrow (Feather) file"),
    "feather": (b"FEA1\0\0\0\0FEA1", "a Feather file"),
    "arrow stream": (b"\xff\xff\xff\xff\x20\x01\0\0\x10", "an Arrow stream"),
    "avro": (b"Obj\x01\x04\x16avro.schema", "an Avro file"),
    "pickle 2": (pickle.dumps([ROWS], protocol=2), "a pickle"),
    "pickle 5": (pickle.dumps([ROWS], protocol=5), "pandas.read_pickle('"),
    "sqlite": (sqlite_bytes(), "an SQLite database: write its table by sqlite3 -csv"),
    "pdf": (b"%PDF-1.7\n%\xb5\xb5", "a PDF file: take its text by pdftotext"),
    "rtf": (b"{\\rtf1\\ansi}", "an RTF document"),
    "npy": (b"\x93NUMPY\x01\0v\0", "a numpy array"),
    "hdf5": (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file"),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "a Git LFS pointer, which stands for a file that was not downloaded",
    ),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture (PNG)"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture (JPEG)"),
    "gif 87": (b"GIF87a\x01\0", "a picture (GIF)"),
    "gif 89": (b"GIF89a\x01\0", "a picture (GIF)"),
    "tiff": (b"II*\0\x08\0", "a picture (TIFF)"),
    "big tiff": (b"MM\0*\0\0", "a picture (TIFF)"),
    "bmp": (b"BM\x36\x10\0\0\0\0\0\0\x36", "a picture (BMP)"),
    "webp": (b"RIFF\x24\x10\0\0WEBPVP8 ", "a picture (WebP)"),
    "wav": (b"RIFF\x24\x10\0\0WAVEfmt ", "a sound (WAV)"),
    "tfrecords": (tfrecord.frame(b"\x0a\x03abc"), "TFRecords: name the file of rows"),
}

TEXTS = [
    b"",
    b"P",
    b"PAR1\tlabel\ntext\t1\n",
    b"FEA1\tlabel\ntext\t1\n",
    b"BZh91 is a magic number\n",
    b"BM25\tlabel\nis a ranking function\t1\n",
    b"RIFF\tlabel\n",
    b"II\tlabel\n",
    b"GIF89\tlabel\n",
    b"PK\tlabel\n",
    b"Obj\tlabel\n",
    b"x" * 257 + b"ustar is how a tar archive starts",
    b"version\tlabel\n",
    b"%PDF\tlabel\n",
    ROWS.encode(),
]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("file_format", Format)
def test_what_is_no_text_is_named_whatever_its_name(write, name, file_format):
    content, words = KINDS[name]
    path = write(content, "train.tsv")
    table = Table("train.tsv", text_a="text", label="label", format=file_format)
    with pytest.raises(DataError) as caught:
        list(table.rows(path.removesuffix("/train.tsv")))
    assert str(caught.value).startswith(f"{path}: expected text, found ")
    assert words in str(caught.value)


@pytest.mark.parametrize("content", TEXTS, ids=range(len(TEXTS)))
def test_text_that_starts_like_something_else_is_text(write, content):
    lines = TextFile(write(content)).lines()
    assert "".join(line.text + line.end for line in lines).encode() == content


def test_commands_name_the_file_as_a_shell_reads_it(write):
    path = write(bz2.compress(b"a"), "my train.tsv")
    with pytest.raises(DataError, match=f"bzip2 -dc '{path}' > NEW_FILE"):
        list(TextFile(path).lines())


def test_a_short_file_has_an_ending():
    assert file_kinds.find(io.BytesIO(b"PAR1")).name == "a Parquet file"
    assert file_kinds.find(io.BytesIO(b"PAR")) is None
