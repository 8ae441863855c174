"""CSV files of spreadsheets and pandas are read where they are unambiguous, else refused in one line."""

import pytest

from alignnet_common.errors import UserError
from reid.data.datasets.csv_files import read_rows
from reid.data.datasets.folder import folder_splits
from reid.inference.sources import find_source
from reid_folders import write_own

ROWS = [(f"{c}/{p}", p, c, "1") for c in ("entrance", "yard") for p in ("anna", "bo", "cem", "dora")]
HEAD = ("path", "person", "camera", "sequence")


def table(separator=",", head=HEAD, end="\n", before="", after=""):
    lines = [separator.join(cells) + after for cells in (head, *ROWS)]
    return before + end.join(lines) + end


DIALECTS = {
    "commas": table(),
    "semicolons": table(";"),
    "tabs": table("\t"),
    "bars": table("|"),
    "spaces after commas": table(", "),
    "capitals in the head": table(head=("Path", "PERSON", "Camera ", "Sequence")),
    "backslashes": table().replace("/", "\\"),
    "empty cells at the end": table(after=",,"),
    "Excel's mark of the separator": table(";", before="sep=;\n"),
    "quotes": table('","', before='"', after='"', end='\n"'),
    "Windows' ends of lines": table(end="\r\n"),
    "empty rows": table().replace("\n", "\n\n,,,\n"),
    "an index of pandas": "\n".join(f"{'' if n == 0 else n - 1},{line}" for n, line in enumerate(table().split())),
}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return write_own(tmp_path_factory.mktemp("own"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", DIALECTS)
def test_dialects(own, name, encoding):
    wanted = {(t.pid, t.camera, t.frames) for t in folder_splits(own, "random", 0)[0].tracklets}
    text = DIALECTS[name].removesuffix('"') if name == "quotes" else DIALECTS[name]
    path = own / "rows.csv"
    path.write_bytes(text.encode(encoding))
    assert {(t.pid, t.camera, t.frames) for t in folder_splits(path, "random", 0)[0].tracklets} == wanted
    assert {row.path for row in find_source(str(path), tracklets=True).rows} == {cells[0] for cells in ROWS}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("path,person,camera\nentrance/anna,anna,entrance,of 2020\n", "line 2: 4 cells under 3 columns"),
        ("path,person,camera\n\nyard,1/anna,anna,entrance\n", "line 3: 4 cells under 3 columns"),
        ("path,person,camera,person\nentrance/anna,anna,entrance,bo\n", "two columns are named person"),
        ("path person camera\nentrance/anna anna entrance\n", "no column path"),
        ('path,person,camera\n"entrance/anna,anna,entrance\n', "not a CSV text file"),
        ('path,person,camera\n"entrance/anna"x,anna,entrance\n', "line 2: not a CSV text file"),
        ("", "no column path"),
    ],
)
def test_what_is_ambiguous_is_refused_in_one_line(own, text, complaint):
    path = own / "rows.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=complaint) as refused:
        folder_splits(path, "random", 0)
    assert len(str(refused.value).splitlines()) == 1


def test_a_file_in_latin_1_is_refused_with_what_to_do(own):
    path = own / "rows.csv"
    path.write_bytes("path,person,camera\nentrance/anna,Zoë,entrance\n".encode("latin-1"))
    with pytest.raises(UserError, match="save it as UTF-8"):
        list(read_rows(path, ("path",), "path"))
