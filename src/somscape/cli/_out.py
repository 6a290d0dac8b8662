"""Results go over nothing that is not theirs, and can be written, before anything is made."""

from collections.abc import Sequence
from pathlib import Path

from somscape._files import check_room
from somscape.errors import InputError
from somscape.jobs import FORMATS, ROWS_FILE, check_format
from somscape.tables import paths_of

MAP_FILE = "map.som"
OTHER_FILES = ("report.html", "report.json", MAP_FILE, "umatrix.png", "planes.png")
RESULT_FILES = (*(f"alerts.{kind}" for kind in FORMATS), ROWS_FILE, *OTHER_FILES)
ENDINGS = {
    "map": (".som",),
    "page": (".html", ".htm"),
    "list": tuple(f".{kind}" for kind in FORMATS),
    "roles file": (".toml",),
    "card": (".md", ".json"),
}
"""Of the names of result files, by what they hold."""


def check_result(kind: str, target: Path, *inputs: str | None, name: str = "--out") -> None:
    """Raise InputError for a name that says another kind of file, or where none can be written.

    `kind` is one of `ENDINGS`; results never go over `inputs`.  `name` is what the command calls
    the result.
    """
    check_file(target, *inputs, name=name)
    endings = ENDINGS[kind]
    if target.suffix.lower() not in (*endings, ""):
        raise InputError(
            f"{name} {target}: the result is a {kind}, whose name ends in {' or '.join(endings)}. "
            f"Give {name} such a name, as {target.stem or kind}{endings[0]}."
        )


def format_of(target: str, asked: str | None, *, bom: bool) -> str:
    """Return in which format a list is written: as asked for, by the file's name, or as CSV.

    Raise InputError where these differ, or the format cannot be written.
    """
    ending = Path(target).suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        ending = ""
    if asked and ending and asked != ending:
        raise InputError(
            f"--format {asked} and --out {target} say different formats. Leave --format out, or "
            f"give --out the name {Path(target).with_suffix(f'.{asked}')}."
        )
    kind = asked or ending or "csv"
    check_format(kind, bom=bom)
    return kind


def check_file(target: Path, *inputs: str | None, name: str = "--out") -> None:
    """Raise InputError where a result must not go, such as over what it is made from.

    `name` is what the command calls the result.
    """
    _check_place(target, name)
    if target.is_dir():
        raise InputError(f"{target} is a folder. Give {name} the name of a file.")
    for path in _files(inputs):
        if target.exists() and path.exists() and target.samefile(path):
            raise InputError(
                f"{name} {target} is the file that is read; it would be lost. Give {name} another "
                "name."
            )


def check_folder(target: Path, *inputs: str | None, force: bool) -> None:
    """Raise InputError where results must not go, such as over what they are made from.

    A folder is replaced only if it is empty or holds nothing but results of somscape, a map
    among them.
    """
    _check_place(target, "--out")
    files = _files(inputs)
    if not target.exists():
        return
    if not target.is_dir() or target.is_symlink():
        raise InputError(f"{target} is not a folder. Give another --out.")
    if target.is_mount():
        raise InputError(
            f"--out {target} is a mount point, which cannot be replaced. Give --out the name "
            "of a folder in it."
        )
    if Path.cwd().is_relative_to(target.resolve()):
        raise InputError(
            f"{target} holds the working folder, which cannot be replaced. Give another --out."
        )
    for path in files:
        if path.resolve().is_relative_to(target.resolve()):
            raise InputError(
                f"--out {target} holds {path}, the file that is read; it would be lost. Give "
                "another --out."
            )
    names = {p.name for p in target.iterdir()}
    # Anyone may have a report.html; the map says that somscape was here.
    foreign = sorted(names - set(RESULT_FILES) if MAP_FILE in names else names)
    if foreign and not force:
        raise InputError(
            f"{target} holds other files ({', '.join(foreign[:3])}). Give another --out, or "
            "--force to replace the whole folder."
        )


def _files(inputs: Sequence[str | None]) -> list[Path]:
    """Return the files among what is read or written, databases among them; None is nothing."""
    return [file for path in inputs if path is not None for file in paths_of(path)]


def _check_place(target: Path, name: str) -> None:
    if not target.parent.is_dir():
        raise InputError(f"{target}: the folder {target.parent} does not exist. Make it first.")
    check_room(target, name)
