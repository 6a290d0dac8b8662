"""Results go over nothing that is not theirs, and can be written, before anything is made."""

from collections.abc import Sequence
from pathlib import Path

from somscape._files import check_room
from somscape.errors import InputError
from somscape.tables import file_of

MAP_FILE = "map.som"
RESULT_FILES = (
    "alerts.csv",
    "report.html",
    "report.json",
    MAP_FILE,
    "umatrix.png",
    "planes.png",
)
ENDINGS = {"map": (".som",), "page": (".html", ".htm"), "list": (".csv",)}
"""Of the names of result files, by what they hold."""


def check_result(kind: str, target: Path, *inputs: str | None) -> None:
    """Raise InputError for an --out that says another kind of file, or where none can be written.

    `kind` is one of `ENDINGS`; results never go over `inputs`.
    """
    check_file(target, *inputs)
    endings = ENDINGS[kind]
    if target.suffix.lower() not in (*endings, ""):
        raise InputError(
            f"--out {target}: the result is a {kind}, whose name ends in {endings[0]}. Give "
            f"--out such a name, as {target.stem or kind}{endings[0]}."
        )


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
    files = [file_of(path) for path in inputs if path is not None]
    return [path for path in files if path is not None]


def _check_place(target: Path, name: str) -> None:
    if not target.parent.is_dir():
        raise InputError(f"{target}: the folder {target.parent} does not exist. Make it first.")
    check_room(target, name)
