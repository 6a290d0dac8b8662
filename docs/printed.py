"""Runs the Python blocks of pages; the text block after one shows what it prints.

    python docs/printed.py docs/howto/*.md    writes these text blocks anew

Tests compare them.  A page that saves pictures as `.svg` keeps them in `docs/images`.
"""

import contextlib
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

IMAGES = Path(__file__).parent / "images"
BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A block of a page: its code, what the page shows below it, and what it printed."""

    code: str
    shown: str
    printed: str


def run(page: Path, folder: Path) -> Iterator[Block]:
    """Run the blocks of a page one after the other, with `folder` as the working folder."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        said = io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stdout(said):
            exec(compile(found["code"], page.name, "exec"), names)
        yield Block(found["code"], found["shown"] or "", said.getvalue())


def with_what_it_prints(text: str, blocks: list[Block]) -> str:
    """Return the text of a page with what its blocks printed."""
    ran = iter(blocks)

    def block(_: re.Match[str]) -> str:
        code, _, printed = next(ran)
        shown = f"\n```text\n{printed}```\n" if printed else ""
        return f"```python\n{code}```\n{shown}"

    return BLOCK.sub(block, text)


def record(page: Path) -> None:
    """Write what the blocks of a page print into the page, and keep the pictures they save."""
    with tempfile.TemporaryDirectory() as folder:
        for table in Path.cwd().glob("*.csv"):
            shutil.copy(table, folder)
        blocks = list(run(page, Path(folder)))
        for picture in Path(folder).glob("*.svg"):
            shutil.copy(picture, IMAGES)
    text = page.read_text(encoding="utf-8")
    page.write_text(with_what_it_prints(text, blocks), encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        record(Path(name))
