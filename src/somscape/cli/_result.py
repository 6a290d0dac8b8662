"""A result file is named after what it holds, and can be written, before anything is made."""

from pathlib import Path

from somscape._errors import InputError
from somscape._files import check_room
from somscape.cli._folder import check_file

ENDINGS = {"map": (".som",), "page": (".html", ".htm"), "list": (".csv",)}


def check_result(kind: str, target: Path, *inputs: str) -> None:
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
    check_room(target)
