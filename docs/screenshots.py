"""Takes the pictures of the report and the app, and what commands print, for the site's pages.

    python docs/screenshots.py FOLDER    for itself; conf.py does so as it builds the site

Somebody called Anna looks at three made-up months (`months.py`): by commands, and in the app with
headless Chromium.  The pages say what happens; where February or March comes out otherwise, the
site's build fails.
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
DESK = "/home/anna"
"""What stands in printed lines for the folder, which is another one each time."""
MARCH = "somscape run cards march.csv --out march"
IN_MIND = "K1010"
"""The builder, who is cleared and comes back."""
FEBRUARY = ("3 new", "1 returned")
DRIFT = "100 times larger"
"""What learn/monday.md says of February and of March."""


class Camera:
    """Takes pictures of pages, and what commands print, into a folder."""

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
    """Raise an error where words that a page says are not in what was printed."""
    for each in words:
        if each not in " ".join(printed.split()):
            raise RuntimeError(f"learn/monday.md says {each!r}, which is not in: {printed}")


def say(folder: Path, name: str, command: str, first: int = 99, last: int = 0) -> str:
    """Run a command; write what it prints below it, its first and last lines where it is long."""
    done = run(command)
    lines = done.out.rstrip().replace(str(Path.cwd()), DESK).splitlines()
    if len(lines) > first + last:
        lines = [*lines[:first], "...", *lines[len(lines) - last :]]
    text = "\n".join([f"$ {command}", *lines, *(["$ echo $?", "3"] if done.code else []), ""])
    with (folder / f"{name}.txt").open("a", encoding="utf-8") as file:
        file.write(text)
    return done.out


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


def january(folder: Path) -> None:
    """Begin the watch."""
    command = "somscape detect january.csv --id customer --alerts 12 --watch cards --out january"
    say(folder, "january", command, first=24, last=5)


def report(camera: Camera, page: Path) -> None:
    """Look at the report of January."""
    person = camera.person
    person.browser.emulate(width=WIDTH, height=HEIGHT)
    person.browser.open(page)
    person.wait_for("#rows tr[data-rank]")
    camera.take("list", "#list")
    person.browser.click('#rows tr[data-rank="1"] .open button')
    person.wait_for("#rows .case")
    camera.take("opened", "#rows .case")


def weekly(camera: Camera, folder: Path, desk: Path) -> None:
    """Decide, run the next months, and look at what changed."""
    person = camera.person
    person.visit("/")
    person.wait_for("#watches li")
    camera.take("home")
    person.visit("/watches/cards")
    person.wait_for(f'#cases li[data-key="{IN_MIND}"]')
    camera.take("waits")
    comment = "a builder, three machines; called"
    person.browser.type(f'#cases li[data-key="{IN_MIND}"] input[type=text]', comment)
    person.browser.click(f'#cases li[data-key="{IN_MIND}"] .cleared')
    person.wait("document.querySelectorAll('#cases li').length === 12")
    person.browser.click("#cases li .confirmed")
    person.wait("document.querySelectorAll('#cases li').length === 11")
    person.choose("#which", "last")
    camera.take("marked", height=1600)
    person.visit("/")
    person.wait_for("#watches li")
    person.browser.type("#file-of-0", str(desk / "february.csv"))
    person.wait("location.pathname.endsWith('/report')")
    person.wait_for("#changed-box")
    expect(person.words("#changed-counts"), *FEBRUARY)
    camera.take("changed", "#changed-box")
    run("somscape run cards february.csv --out february")  # the same run, for its report
    person.browser.open(desk / "february" / "report.html")
    person.wait_for("#rows tr[data-rank]")
    camera.take("report", height=2000)
    person.visit(f"/watches/cards/cases/{IN_MIND}")
    person.wait_for("#values td")
    camera.take("case", height=1640)
    person.browser.type("#decide input", "and five more; saw the contract")
    person.browser.click("#decide .cleared")
    person.wait_for_words("#history", "contract")
    camera.take("again", "main section:nth-of-type(2)")
    expect(say(folder, "march", MARCH, first=5, last=1), DRIFT)
    person.visit("/")
    person.wait_for_words("#watches", DRIFT)
    camera.take("drift", height=520)
    mended(camera, desk)
    say(folder, "audit", "somscape audit verify")


def by_commands(folder: Path) -> None:
    """Do what `weekly` does, by commands alone."""
    with Path("january/alerts.csv").open(encoding="utf-8", newline="") as file:
        keys = [row["customer"] for row in csv.DictReader(file)]
    mark = "somscape cases mark cards"
    run(f"{mark} {IN_MIND} cleared --comment 'a builder, three machines; called'")
    run(f"{mark} {next(key for key in keys if key != IN_MIND)} confirmed")
    expect(run("somscape run cards february.csv").out, *FEBRUARY)
    run(f"{mark} {IN_MIND} cleared --comment 'and five more; saw the contract'")
    expect(say(folder, "march", MARCH, first=5, last=1), DRIFT)
    run("somscape run cards mended.csv --instead-of 3")
    say(folder, "audit", "somscape audit verify")


def mended(camera: Camera, desk: Path) -> None:
    """Put the right file in the place of the wrong one of March, and look at all runs."""
    person = camera.person
    person.visit("/watches/cards")
    person.wait_for("#watch-runs .replace")
    person.browser.click("#watch-runs .replace")  # the newest run is the first
    person.wait_for("#right-dialog")
    expect(person.words("#right-dialog"), "replaces run 3. It is compared")
    person.browser.type("#right-file", str(desk / "mended.csv"))
    person.browser.click("#right-dialog .primary")
    person.wait("location.pathname.endsWith('/report')")
    person.wait_for_words("#changed-lead", "It replaces run 3.")
    camera.take("mended", "#changed-box")
    person.visit("/watches/cards")
    person.wait_for_words("#watch-runs", "replaced by run 4")
    camera.take("runs", "section:has(#watch-runs)")


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
    """Take all of it into a folder, without a browser only what commands print.

    Returns
    -------
    str
        What is lacking, "" where nothing is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.png"), *folder.glob("*.txt")):
        old.unlink()
    with a_desk() as desk:
        january(folder)
        lacks = lacking()
        if lacks:
            by_commands(folder)
            return lacks
        profile = desk / "profile"
        profile.mkdir()
        with (
            serving(desk / "state") as server,
            chromium(profile, "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1") as browser,
        ):
            person = Person(browser, server)
            camera = Camera(person, folder)
            browser._ask("POST", "/url", {"url": server.address})
            person.wait("location.pathname + location.search === '/'")
            report(camera, desk / "january" / "report.html")
            weekly(camera, folder, desk)
            setting_up(camera)
    return ""


def main(folder: str) -> str | None:
    """Take all; return what a process ends with: what is lacking, None where nothing is."""
    return take(Path(folder)) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
