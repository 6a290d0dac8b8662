"""Result files never go over what is not theirs."""

import os
from pathlib import Path

from somscape._errors import InputError

MAP_FILE = "map.som"
RESULT_FILES = (
    "alerts.csv",
    "report.html",
    "report.json",
    MAP_FILE,
    "umatrix.png",
    "planes.png",
)


def check_file(target: Path, *inputs: str, name: str = "--out") -> None:
    """Raise InputError where a result must not go, such as over what it is made from.

    `name` is what the command calls the result.
    """
    if not target.parent.is_dir():
        raise InputError(f"{target}: the folder {target.parent} does not exist. Make it first.")
    if target.is_dir():
        raise InputError(f"{target} is a folder. Give {name} the name of a file.")
    for path in inputs:
        if target.exists() and Path(path).exists() and target.samefile(path):
            raise InputError(
                f"{name} {target} is the file that is read; it would be lost. Give {name} another "
                "name."
            )


def check_folder(target: Path, *inputs: str, force: bool) -> None:
    """Raise InputError where results must not go, such as over what they are made from.

    A folder is replaced only if it is empty or holds nothing but results of somscape, a map
    among them.
    """
    if not target.parent.is_dir():
        raise InputError(f"{target}: the folder {target.parent} does not exist. Make it first.")
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"{target}: the folder {target.parent} cannot be written. Give another.")
    if not target.exists():
        return
    if not target.is_dir() or target.is_symlink():
        raise InputError(f"{target} is not a folder. Give another --out.")
    if Path.cwd().is_relative_to(target.resolve()):
        raise InputError(
            f"{target} holds the working folder, which cannot be replaced. Give another --out."
        )
    for path in inputs:
        if Path(path).resolve().is_relative_to(target.resolve()):
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
