"""Draws the report of the first command as a picture for the README: docs/images/report.svg.

    python docs/report_picture.py

The picture contains the part of the page that a window shows, as text and shapes.
"""

import contextlib
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # for the browser

from command_line import run_process
from webdriver import chromium

IMAGE = Path(__file__).parent / "images" / "report.svg"
WIDTH, HEIGHT = 1240, 650
TEXT = "The report: a map of 690 credit-card applications, and the list of anomalies with reasons"
COMMANDS = (
    "example applications",
    "detect applications.csv --id customer --label class --out found",
)
SNAPSHOT = """
const height = arguments[0];
const unseen = "script, template, noscript, link, dialog, [hidden]";
document.querySelectorAll(unseen).forEach(e => e.remove());
for (const e of [...document.body.querySelectorAll("*")])
  if (e.isConnected && !e.closest("svg svg") && e.getBoundingClientRect().top > height) e.remove();
document.querySelectorAll("select").forEach(e => {
  const chosen = e.selectedOptions[0];
  [...e.options].forEach(o => { if (o !== chosen) o.remove(); });
});
document.querySelectorAll("input").forEach(e => e.toggleAttribute("checked", e.checked));
const styles = [...document.querySelectorAll("style")].map(e => e.textContent).join("\\n");
document.querySelectorAll("style").forEach(e => e.remove());
return [styles, new XMLSerializer().serializeToString(document.body)];
"""


def for_window(found: re.Match[str]) -> str:
    """Return a condition with the result for the window, so that a small picture looks the same."""
    edge, limit = found[1], int(found[2])
    is_met = limit <= WIDTH if edge == "min" else limit >= WIDTH
    return "@media all" if is_met else "@media not all"


def main() -> None:
    """Rank the bundled applications, open the report, and write what the window shows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with contextlib.chdir(folder):
            for command in COMMANDS:
                done = run_process(*command.split())
                if done.code:
                    raise RuntimeError(done.err)
        with chromium(folder, "MAP * ~NOTFOUND") as browser:
            browser.emulate(width=WIDTH, height=HEIGHT)
            browser.open(folder / "found" / "report.html")
            styles, body = browser.run(SNAPSHOT, HEIGHT)
    styles = re.sub(r"@media \((min|max)-width: (\d+)px\)", for_window, styles)
    styles += "\n* { max-height: none !important; }"  # a picture cannot scroll
    IMAGE.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{TEXT}</title>'
        f'<foreignObject width="{WIDTH}" height="{HEIGHT}">'
        f'<html xmlns="http://www.w3.org/1999/xhtml"><head><style>{styles}</style></head>{body}</html>'
        "</foreignObject></svg>\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
