"""Runs the Python blocks of pages; the text block after one shows what it prints.

    python docs/printed.py docs/howto/*.md    writes these text blocks anew

Tests compare them.  A page that saves pictures as `.svg` keeps them in `docs/images`.  `conf.py`
draws pictures that are saved as `.png`, for light and for dark pages.
"""

import contextlib
import functools
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

IMAGES = Path(__file__).parent / "images"
BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
PICTURE = re.compile(
    r"^```\{image\} (?P<place>\S*_generated/)(?P<name>\w+\.png)\n(?P<rest>.*?)^```\n",
    re.MULTILINE | re.DOTALL,
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


def draw(page: Path, folder: Path) -> None:
    """Run a page, and keep each PNG picture twice, also in `dark` for a page with dark colors."""
    from somscape import plots

    dark: dict[int, tuple[Any, Any]] = {}
    save = plots.Display.save

    def twice(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
        display = function(*given, **named)
        if isinstance(display, plots.Display):
            with plots.dark():
                dark[id(display)] = function(*given, **named), display  # so that no id repeats
        return display

    def save_twice(display: Any, path: str, **named: Any) -> None:
        save(display, path, **named)
        save(dark[id(display)][0], Path("dark") / path, **named)

    drawing = {
        name: functools.partial(twice, getattr(plots, name))
        for name in plots.__all__
        if name.islower() and name != "dark"
    }
    (folder / "dark").mkdir(exist_ok=True)
    with (
        mock.patch.multiple(plots, **drawing),
        mock.patch.object(plots.Display, "save", save_twice),
    ):
        list(run(page, folder))


def with_dark(text: str, folder: Path) -> str:
    """Return the text of a page, with the dark pictures of a folder next to the light pictures."""

    def both(found: re.Match[str]) -> str:
        if not (folder / "dark" / found["name"]).exists():
            return found[0]
        dark = f"{found['place']}dark/{found['name']}"
        return "\n".join(
            f"```{{image}} {picture}\n:class: only-{mode}\n{found['rest']}```\n"
            for mode, picture in (("light", found["place"] + found["name"]), ("dark", dark))
        )

    return PICTURE.sub(both, text)


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
