"""Takes the pictures of the report and the app for the pages of the site.

    python docs/screenshots.py FOLDER    for itself; conf.py does so as it builds the site

Commands run three invented months (`months.py`), and the pictures show the report and the app in
headless Chromium.  Pages describe February and March, so the build fails if the results differ.
"""

import base64
import contextlib
import csv
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # for the browser

import months
from command_line import Outcome, run_process
from person import Person
from web_client import serving
from webdriver import chromium, lacking

WIDTH, HEIGHT = 820, 860
PICTURE = re.compile(r"!\[[^\]]*\]\((\S*_generated/monday/\w+\.png)\)")
IN_MIND = "K1010"
"""The builder, who is cleared and comes back."""
FEBRUARY = ("3 new", "1 returned")
DRIFT = "100 times larger"
"""Changes in February and March that the pages describe."""


class Camera:
    """Takes pictures of pages, and writes these pictures to a folder."""

    def __init__(self, person: Person, folder: Path) -> None:
        self.person, self.folder = person, folder

    def take(self, name: str, of: str = "body", height: int = HEIGHT) -> None:
        """Write a picture of the first element of a selector, as far down as the height."""
        browser = self.person.browser
        browser.emulate(width=WIDTH, height=height)
        left, top, width, below = browser.run(
            "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return [box.left + scrollX, box.top + scrollY, box.width, box.height]",
            of,
        )
        clip = {"x": left, "y": top, "width": width, "height": min(below, height), "scale": 1}
        taken = browser.command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        (self.folder / f"{name}.png").write_bytes(base64.b64decode(taken["data"]))


def run(command: str) -> Outcome:
    """Run a command, which may find something new."""
    done = run_process(*shlex.split(command)[1:])
    if done.code not in (0, 3):
        raise RuntimeError(f"{command}: {done.err}")
    return done


def expect(printed: str, *words: str) -> None:
    """Raise an error if the printed text does not contain words of a page."""
    for each in words:
        if each not in " ".join(printed.split()):
            raise RuntimeError(f"the pages describe {each!r}, which is not in: {printed}")


@contextlib.contextmanager
def a_desk() -> Iterator[Path]:
    """Give a folder with the tables of three months, to work in as Anna."""
    with tempfile.TemporaryDirectory() as name:
        desk = Path(name)
        own = {"LOGNAME": "anna", "SOMSCAPE_STATE": str(desk / "state"), "COLUMNS": "72"}
        before = dict(os.environ)
        os.environ.update(own)
        try:
            with contextlib.chdir(desk):
                months.write(desk)
                yield desk
        finally:
            os.environ.clear()
            os.environ.update(before)


def three_months() -> None:
    """Start the watch in January, decide two cases, and run February and March."""
    run("somscape detect january.csv --id customer --alerts 12 --watch cards --out january")
    with Path("january/alerts.csv").open(encoding="utf-8", newline="") as file:
        keys = [row["customer"] for row in csv.DictReader(file)]
    mark = "somscape cases mark cards"
    run(f"{mark} {IN_MIND} cleared --comment 'a builder, three machines; called'")
    run(f"{mark} {next(key for key in keys if key != IN_MIND)} confirmed")
    expect(run("somscape run cards february.csv --out february").out, *FEBRUARY)
    expect(run("somscape run cards march.csv").out, DRIFT)


def reports(camera: Camera, desk: Path) -> None:
    """Look at a case of January and at the report of February."""
    person = camera.person
    person.browser.emulate(width=WIDTH, height=HEIGHT)
    person.browser.open(desk / "january" / "report.html")
    person.wait_for("#rows tr[data-rank]")
    person.browser.click('#rows tr[data-rank="1"] .open button')
    person.wait_for("#rows .case")
    camera.take("opened", "#rows .case")
    person.browser.open(desk / "february" / "report.html")
    person.wait_for("#rows tr[data-rank]")
    camera.take("changed", "#changed-box")
    camera.take("report", height=2000)


def home(camera: Camera) -> None:
    """Look at the watch after the drift of March."""
    person = camera.person
    person.visit("/")
    person.wait_for_words("#watches", DRIFT)
    camera.take("drift", height=520)


def setting_up(camera: Camera) -> None:
    """Set up a run of the bundled table, and mark rows in its report."""
    person = camera.person
    person.visit("/")
    person.wait_for("#sample")
    person.browser.click("#sample")
    person.wait_for("#setup")
    camera.take("columns", height=1500)
    person.browser.click("#start")
    person.wait("location.pathname.endsWith('/report')")
    person.wait_for("#rows .marks")
    person.press("c", "x", "l")
    person.wait_for_words("#marked", "1 later")
    camera.take("marks", "#list")


def without_missing(text: str, folder: Path) -> str:
    """Return the text of a page in a folder without the pictures that were not taken."""
    return PICTURE.sub(lambda found: found[0] if (folder / found[1]).exists() else "", text)


def take(folder: Path) -> str:
    """Take all pictures into a folder.

    Returns
    -------
    str
        The reason if no browser takes pictures, "" otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    with a_desk() as desk:
        three_months()
        lacks = lacking()
        if lacks:
            return lacks
        profile = desk / "profile"
        profile.mkdir()
        with (
            serving(desk / "state") as server,
            chromium(profile, "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1") as browser,
        ):
            person = Person(browser, server)
            camera = Camera(person, folder)
            browser.visit(server.address)
            person.wait("location.pathname + location.search === '/'")
            reports(camera, desk)
            home(camera)
            setting_up(camera)
    return ""


def main(folder: str) -> str | None:
    """Take all pictures, and return the reason if no browser takes pictures."""
    return take(Path(folder).resolve()) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
