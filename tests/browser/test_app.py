"""The app in a real browser: a table in, progress, marks, ranking again; and what must not happen.

Pictures of the pages go to results/screenshots, to be looked at.
"""

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import customers, write
from person import PATIENCE, Person
from web_client import Client, Server, serving
from webdriver import ENTER, Browser

from somscape import load, regions

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(240)]

HOSTILE = [
    "<script>document.title='broken'</script>",
    "</script><img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)",
    "=1+1",
    "\U0001f4b3 ünï\u2028códe",
    "\u202eright to left \u05d0\u05d1",
    "long " + "x" * 900,
]
SPACE = " "


@pytest.fixture(scope="module")
def reach() -> str:
    return "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("app"), "--jobs", "1", "--max-upload", "2") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return server.client.enter()


@pytest.fixture
def person(browser: Browser, server: Server) -> Iterator[Person]:
    browser.visit(server.address)
    somebody = Person(browser, server)
    somebody.wait("location.pathname + location.search === '/'")
    somebody.wait_for_words("#most", "MB")  # its script has run
    yield somebody
    assert browser.complaints() == []


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table that takes long enough to be watched."""
    path = tmp_path_factory.mktemp("tables") / "slow.csv"
    rows = np.random.default_rng(0).integers(0, 10, (19_000, 48))
    names = ",".join(f"x{i}" for i in range(rows.shape[1]))
    np.savetxt(path, rows, "%d", ",", header=names, comments="")
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "<!--<script><img src=x onerror=alert(1)>.csv"
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["key", *HOSTILE])
        for i in range(60):
            cells = [HOSTILE[(i + j) % len(HOSTILE)] for j in range(3)]
            writer.writerow([f"<b>{i}</b>", *cells, *rng.integers(0, 99, 4).tolist()])
    return path


def test_the_walk_on_bundled_data_from_table_to_ranking_again(
    person: Person, client: Client
) -> None:
    person.picture("start")
    person.browser.click("#sample")
    person.wait_for("#setup")
    first = person.run
    assert person.words("#size") == "1,000 rows, 21 columns"
    assert person.browser.run("return document.getElementById('value').value") == "bad"
    assert len(person.browser.texts("#columns tbody tr")) == 21
    kinds = person.browser.texts('[data-column="2"] select option')
    assert len({kind.removesuffix(" (found)") for kind in kinds}) == len(kinds) > 1
    person.choose('[data-column="2"] select', "drop")
    assert person.words("#ready") == "19 of 21 columns will be used."
    person.picture("setup")
    person.browser.click("#by-number")
    person.browser.run("document.getElementById('alerts').value = 12")
    person.browser.click("#start")
    person.wait("location.pathname.endsWith('/report')")
    person.wait_for_words("#count", "12 alerts")
    found = client.get(f"/runs/{first}/files/report.json")
    assert found["n_alerts"] == 12
    assert found["columns"][2]["kind"] == "dropped"

    # Marks: in the list and in the case, counted, saved, and taken back.
    assert person.words("#marked") == "No row is marked yet"
    assert person.browser.run("return document.getElementById('again').disabled")
    person.browser.click('#rows tr[data-rank="1"] .marks .confirmed')
    person.wait_for_words("#marked", "1 confirmed, 0 cleared")
    pressed = "document.querySelector('#rows .marks .confirmed')"
    assert person.browser.run(f"return {pressed}.scrollWidth <= {pressed}.clientWidth")
    person.browser.click('#rows tr[data-rank="2"] .marks .cleared')
    person.wait_for_words("#marked", "1 confirmed, 1 cleared")
    person.browser.click('#rows tr[data-rank="3"] .open button')
    person.browser.click('#rows tr[data-rank="3"] .marks .cleared')
    person.wait_for_words("#marked", "1 confirmed, 2 cleared")
    # Cleared rows fold away, and what was pressed says what it is.
    assert person.browser.texts('#rows tr[data-rank="1"] .confirmed') == ["Confirmed"]
    assert person.browser.texts('#rows tr[data-rank="2"], #rows tr[data-rank="3"]') == []
    assert person.words("#folded") == "2 cleared rows folded, show"
    person.picture("report")
    person.browser.click("#folded button")
    pressed = '#rows tr[data-rank="3"] .marks .cleared[aria-pressed="true"]'
    assert person.browser.texts(pressed) == ["Cleared"]
    person.browser.click('#rows tr[data-rank="2"] .marks .cleared')
    person.wait_for_words("#marked", "1 confirmed, 1 cleared")
    numbers = found["rows"]["numbers"]
    marks = client.get(f"/api/runs/{first}/marks").items()
    decided = {str(numbers[0]): "confirmed", str(numbers[2]): "cleared"}
    found_now = {number: mark["decision"] for number, mark in marks}
    assert found_now == {**decided, str(numbers[1]): "open"}  # taken back

    # The list by decision.
    for decided, words in (("open", "10 alerts"), ("cleared", "1 alert."), ("", "11 alerts")):
        person.choose("#decided", decided)
        person.wait_for_words("#count", words)

    # A reload, and another run of the table, find them again.
    person.visit(f"/runs/{first}")
    person.wait("location.pathname.endsWith('/report')")
    person.wait_for_words("#marked", "1 confirmed, 1 cleared")
    person.browser.click("#again")
    person.wait(
        "location.pathname.endsWith('/report') && !location.pathname.includes(arguments[0])", first
    )
    person.wait_for_words("#marked", "1 confirmed, 1 cleared")
    assert "1 confirmed, 1 cleared" in person.words("#notes")
    assert "Effect of the marks: 2 marks (1 confirmed, 1 cleared)" in person.words("#effect")
    assert client.get(f"/api/runs/{person.run}")["facts"]["n_known"] == 2

    # Files leave by links of the page, which are visible in a narrow window too.
    person.browser.emulate(width=390, height=844)
    person.browser.click(".files summary")
    assert person.browser.run(f"return {INSIDE}", ".files a") == 7
    assert person.browser.run(
        "return [...document.querySelectorAll('.files a')].every((link) => {"
        "  const { x, y, width, height } = link.getBoundingClientRect();"
        "  return document.elementFromPoint(x + width / 2, y + height / 2) === link; })"
    )
    person.photograph("files")
    person.browser.emulate_nothing()
    links = person.browser.run("return [...document.querySelectorAll('.files a')].map(a => a.href)")
    names = ["decisions.csv", "alerts.csv", "alerts.xlsx", "map.som", "roles.toml"]
    names += ["report.html", "report.json"]
    assert [link.rpartition("/")[2] for link in links] == names
    for link in links:
        status = person.browser.run("return fetch(arguments[0]).then(a => a.status)", link)
        assert status == 200

    person.visit("/")
    person.wait_for("#runs li")
    assert len(person.browser.texts("#runs li")) == 2
    person.picture("runs")
    person.browser.click(f'#runs li[data-run="{first}"] .delete')
    person.accept()
    person.wait("document.querySelectorAll('#runs li').length === 1")
    assert client.ask("GET", f"/api/runs/{first}").status == 404


INSIDE = """[...document.querySelectorAll(arguments[0])].filter((part) => {
  const { height, top, bottom, left, right } = part.getBoundingClientRect();
  return height > 0 && top >= -1 && bottom <= innerHeight + 1 && left >= 0 && right <= innerWidth;
}).length"""


def test_progress_is_seen_and_a_run_is_cancelled(
    person: Person, client: Client, slow: Path
) -> None:
    person.give(slow)
    person.wait_for("#setup")
    run = person.run
    person.browser.click("#start")
    person.wait_for_words("#stage", "Training map 1 of 6, epoch")
    person.wait_for("#curve-box")
    person.photograph("going")
    assert 0 < person.browser.run("return document.getElementById('share').value") < 0.5
    # A reload finds the run where it is.
    person.visit(f"/runs/{run}")
    person.wait_for_words("#stage", "Training map")
    # Another run waits in line, and the list says so.
    other = client.post(f"/api/runs/{run}/again")["run"]
    client.post(f"/api/runs/{other}/start")
    person.visit(f"/runs/{other}")
    person.wait_for_words("#stage", "Waiting. This run is next.")
    person.visit("/")
    person.wait_for_words(f'[data-run="{other}"]', "waiting, position 1 of the queue")
    person.visit(f"/runs/{run}")
    person.wait_for("#cancel")
    person.browser.click("#cancel")
    person.wait_for("#setup")
    assert person.words("#problem") == "This run was cancelled."
    assert client.get(f"/api/runs/{run}")["state"] == "cancelled"
    client.post(f"/api/runs/{other}/cancel")
    for each in (run, other):
        client.post(f"/api/runs/{each}/delete")


def test_marks_of_one_tab_are_seen_in_the_other(person: Person, client: Client) -> None:
    run = _ranked(client)
    person.visit(f"/runs/{run}/report")
    person.wait_for_words("#marked", "No row is marked yet")
    number = client.get(f"/runs/{run}/files/report.json")["rows"]["numbers"][0]
    client.post(f"/api/runs/{run}/mark", {"row": number, "decision": "cleared"})
    person.browser.run("document.dispatchEvent(new Event('visibilitychange'))")
    person.wait_for_words("#marked", "0 confirmed, 1 cleared")
    person.choose("#decided", "cleared")
    pressed = '#rows tr[data-rank="1"] .marks .cleared[aria-pressed="true"]'
    assert person.browser.texts(pressed) == ["Cleared"]
    client.post(f"/api/runs/{run}/delete")


def _read(client: Client) -> str:
    rows = np.random.default_rng(0).normal(size=(60, 3)).round(3)
    text = "a,b,c\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    run = client.upload("small.csv", text.encode())
    client.wait(run)
    return run


def _ranked(client: Client) -> str:
    run = _read(client)
    client.post(f"/api/runs/{run}/start", {"alerts": 5})
    assert client.wait(run)["state"] == "done"
    return run


def test_rows_that_stand_out_are_listed_unless_a_share_or_a_number_is_chosen(
    person: Person, client: Client
) -> None:
    run = _read(client)
    person.visit(f"/runs/{run}")
    person.wait_for("#setup")
    checked = "return [...document.querySelectorAll('input[name=how]:checked')].map(i => i.id)"
    chosen = "const s = chosenSettings(); return [s.alerts, s.contamination]"
    assert person.browser.run(checked) == ["by-itself"]
    assert person.browser.run("return document.getElementById('contamination').value") == "5"
    assert person.browser.run(chosen) == [None, None]
    person.browser.click("#by-share")
    assert person.browser.run(chosen) == [None, 0.05]
    person.browser.click("#by-number")
    assert person.browser.run(chosen) == [20, None]
    person.browser.click("#by-itself")
    assert person.browser.run(chosen) == [None, None]
    person.browser.click("#start")
    person.wait("location.pathname.endsWith('/report')")
    found = client.get(f"/runs/{run}/files/report.json")
    assert found["n_alerts"] == max(10, min(found["n_stand_out"], 50))
    person.wait_for_words("#count", f"{found['n_alerts']} alerts")
    client.post(f"/api/runs/{run}/delete")


def test_the_keyboard_alone_gets_from_the_start_to_a_mark(person: Person, client: Client) -> None:
    person.tab_to("#file")
    assert (
        person.browser.run(
            "return getComputedStyle(document.querySelector('#drop .button')).outlineStyle"
        )
        == "solid"
    )
    person.tab_to("#sample")
    person.press(ENTER)
    person.wait_for("#setup")
    run = person.run
    person.tab_to("#alerts")
    person.press(*"9")  # 20 was there: 209 or 920 rows, and not the share any more
    assert person.browser.run("return document.getElementById('by-number').checked")
    person.tab_to("#start")
    person.press(ENTER)
    person.wait("location.pathname.endsWith('/report')")
    person.wait_for_words("#marked", "No row is marked yet")
    person.tab_to('#rows tr[data-rank="1"] .marks .cleared')
    person.press(SPACE)
    person.wait_for_words("#marked", "0 confirmed, 1 cleared")
    # The row has folded away, and the focus is on the one after it.
    at = "document.activeElement.closest('tr[data-rank]')?.dataset.rank"
    assert person.browser.run(f"return {at}") == "2"
    client.post(f"/api/runs/{run}/delete")


def test_hostile_names_and_cells_do_nothing(person: Person, client: Client, hostile: Path) -> None:
    person.give(hostile)
    person.wait_for("#setup")
    run = person.run
    assert person.browser.texts("#name") == [hostile.name]
    assert person.browser.texts("#columns th.name") == ["key", *HOSTILE]
    assert person.browser.texts("#columns img, #columns script, #columns b") == []
    person.picture("hostile-setup")
    # The only column with different texts is proposed for the ids.
    assert person.browser.run("return document.getElementById('id').value") == "0"
    person.choose("#label", "1")
    assert person.browser.texts("#value option")[0] == f"{HOSTILE[2]} (9 rows)"
    person.choose('[data-column="2"] select', "ordinal")
    person.choose('[data-column="2"] select', "")
    person.browser.click("#start")
    person.wait("location.pathname.endsWith('/report')")
    person.wait_for("#rows .marks")
    assert person.browser.run("return document.title").startswith("Unusual rows of <!--<script>")
    person.browser.click("#rows .marks .confirmed")
    person.wait_for_words("#marked", "1 confirmed")
    assert person.browser.texts("#rows img, #rows script, #rows b") == []
    person.visit("/")
    person.wait_for("#runs li")
    assert person.browser.texts(f'[data-run="{run}"] a') == [hostile.name]
    assert person.browser.texts("#runs img") == []
    # Names and comments that a user types are text, too.
    client.post(f"/api/runs/{run}/name", {"name": HOSTILE[1]})
    number = client.get(f"/runs/{run}/files/report.json")["rows"]["numbers"][0]
    said = {"row": number, "decision": "later", "comment": HOSTILE[1] + HOSTILE[0]}
    seen = client.get(f"/api/runs/{run}/marks")[str(number)]["seen"]
    client.post(f"/api/runs/{run}/mark", {**said, "seen": seen})
    for path, sign in (("/", "#runs li"), (f"/runs/{run}/report", "#rows .marks")):
        person.visit(path)
        person.wait_for(sign)
        assert HOSTILE[1] in person.words("body")
        assert person.browser.texts("img[src='x'], [onmouseover]") == []
        assert person.browser.run("return document.title") != "broken"
    client.post(f"/api/runs/{run}/delete")


def test_what_is_wrong_is_said_on_the_page(person: Person, client: Client, tmp_path: Path) -> None:
    (tmp_path / "ragged.csv").write_bytes(b"a,b\n1,2,3\n4,5,6\n")
    person.give(tmp_path / "ragged.csv")
    person.wait_for_words("#problem", "ragged.csv, line 2")
    person.picture("problem")
    run = person.run
    assert person.browser.run("return document.getElementById('reading').open")
    person.choose("#delimiter", "tab")
    person.browser.click("#read")
    person.wait_for("#setup")
    assert person.words("#size") == "2 rows, 1 column"
    client.post(f"/api/runs/{run}/delete")


def test_a_click_chooses_the_line_of_the_names(
    person: Person, client: Client, tmp_path: Path
) -> None:
    _, rows = customers()
    title = ["Report,of,May", "", "cust_id,amount,age,sex,answer"]  # three cells are no title
    (tmp_path / "may.csv").write_text("\n".join([*title, *rows]), encoding="utf-8")
    person.give(tmp_path / "may.csv")
    person.wait_for_words("#problem", "may.csv, line 3 has 5 cells")
    lines = person.browser.texts("#top button")
    assert lines[:3] == ["Line 1", "Line 3", "Line 4"]
    named = "return [...document.querySelectorAll('#top button')].map((b) => b.getAttribute("
    assert person.browser.run(f"{named}'aria-label'))")[1] == "Line 3 contains the column names"
    assert person.browser.run(f"{named}'aria-pressed'))")[:2] == ["true", "false"]
    person.tab_to("#top tr:nth-child(2) button")
    person.press(ENTER)
    person.wait_for("#setup")
    assert person.words("#size") == "60 rows, 5 columns"
    assert person.browser.run(f"{named}'aria-pressed'))")[:2] == ["false", "true"]
    assert person.browser.run("return byId('header').value") == "3"
    client.post(f"/api/runs/{person.run}/delete")


def test_a_file_that_is_dropped_is_taken(person: Person, client: Client) -> None:
    was_over = person.browser.run(
        "const given = new DataTransfer();"
        "given.items.add(new File([arguments[0]], 'dropped.csv'));"
        "const at = document.getElementById('drop');"
        "const send = (kind) => at.dispatchEvent("
        "  new DragEvent(kind, { dataTransfer: given, bubbles: true, cancelable: true }));"
        "send('dragover'); const wasOver = at.classList.contains('over'); send('drop');"
        "return wasOver",
        "a,b\n1,2\n3,5\n4,4\n",
    )
    assert was_over
    person.wait_for("#setup")
    assert person.browser.texts("#name") == ["dropped.csv"]
    client.post(f"/api/runs/{person.run}/delete")


RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """
return axe.run(document, {runOnly: arguments[0]}).then(found => found.violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => [id, nodes.map(node => node.html.slice(0, 200) + node.failureSummary)]))
"""


def test_axe_finds_no_serious_violation(
    person: Person, client: Client, axe: str, tmp_path: Path
) -> None:
    run = _ranked(client)
    number = client.get(f"/runs/{run}/files/report.json")["rows"]["numbers"][0]
    client.post(f"/api/runs/{run}/mark", {"row": number, "decision": "confirmed"})
    fresh = client.post(f"/api/runs/{run}/again")["run"]
    bad = client.upload("ragged.csv", b"a,b\n1,2,3\n")
    client.wait(bad)
    pages = {
        "/": "#runs li",
        f"/runs/{fresh}": "#setup",
        f"/runs/{bad}": "#problem",
        f"/runs/{run}/report#case=1": ".case .comment-line",
    }
    try:
        for path, sign in pages.items():
            for width, scheme in ((360, "light"), (1920, "dark")):
                person.browser.emulate(width=width, color_scheme=scheme)
                person.visit(path)
                person.wait_for(sign)
                person.browser.run(axe + "; window.axe = axe;")
                assert person.browser.run(RUN_AXE, RULES) == [], (path, width, scheme)
    finally:
        person.browser.emulate_nothing()
    for each in (fresh, run, bad):
        client.post(f"/api/runs/{each}/delete")


def test_another_site_gets_nothing(person: Person, client: Client, tmp_path: Path) -> None:
    before = json.dumps(client.get("/api/runs"))
    page = tmp_path / "evil.html"
    page.write_text("<title>evil</title>")
    person.browser.open(page)
    tried = person.browser.run(
        "const base = arguments[0];"
        "const plain = { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{}' };"
        "return Promise.allSettled(["
        "fetch(base + '/api/sample', plain),"
        "fetch(base + '/api/runs', { credentials: 'include' }).then(a => a.text()),"
        "fetch(base + '/', { credentials: 'include' }).then(a => a.text()),"
        "]).then(all => all.map(a => a.status))",
        person.base,
    )
    assert tried[1:] == ["rejected", "rejected"]
    assert json.dumps(client.get("/api/runs")) == before
    person.browser.complaints()  # the browser says what it blocked


def test_roles_are_saved_and_set_up_the_next_table(person: Person, tmp_path: Path) -> None:
    header, rows = customers()
    person.give(write(tmp_path / "january.csv", header, rows))
    person.wait_for("#setup")
    person.browser.type("#rules", "always large: amount > 100")
    person.browser.run("window.scrollTo(0, 1e6)")  # out of the bar at the end of the window
    person.choose("[data-column='2'] select", "drop")
    person.browser.command("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    person.browser.click("#give-roles")
    saved = tmp_path / "roles.toml"
    deadline = time.monotonic() + PATIENCE
    while not (saved.exists() and saved.read_text()) and time.monotonic() < deadline:
        time.sleep(0.03)
    assert 'age = "drop"         # as chosen' in saved.read_text()
    assert 'always = ["large: amount > 100"]' in saved.read_text()

    person.visit("/")
    person.wait_for_words("#most", "MB")
    more = [f"{row},{i % 9}" for i, row in enumerate(rows)]
    person.give(write(tmp_path / "february.csv", f"{header},extra", more))
    person.wait_for("#setup")
    assert person.words("[data-column='2']").startswith("agenumber (detected)")
    person.browser.type("#take-roles", str(saved))
    person.wait_for_words("#told", "Columns without a role in roles.toml are left out: 'extra'.")
    assert person.browser.run("return [2, 5].map((i) => setup.settings.kinds[i])") == ["drop"] * 2
    assert person.browser.run("return byId('rules').value") == "always large: amount > 100"
    person.picture("roles")


def test_edited_regions_are_saved_in_the_run(
    person: Person, client: Client, tmp_path: Path
) -> None:
    run = _ranked(client)
    person.visit(f"/runs/{run}/report#color=regions")
    person.wait_for_words("#marked", "No row is marked yet")
    person.browser.click("#edit")
    assert person.words("#save-regions") == "Save"
    assert "map.som" in person.words("#save-hint")
    person.browser.click("#pick-0")
    person.browser.click("#split")
    person.wait_for_words("#edited", "The regions were changed and are not saved yet.")
    person.wait_for_words("#card-0", "To describe how this region differs")
    person.browser.run(
        "const s = document.getElementById('name-0'); s.value = arguments[0];"
        "s.dispatchEvent(new Event('change'))",
        HOSTILE[1],
    )
    person.browser.run("window.isOld = true")
    person.browser.click("#save-regions")
    person.wait("!window.isOld && document.querySelector('#regions h3')")
    assert HOSTILE[1] in person.browser.texts("#regions h3 .text")
    assert person.browser.texts("#regions img") == []
    assert "To describe how this region differs" not in person.words("#regions")
    assert person.browser.run("return location.hash") == "#color=regions"
    data = client.get(f"/runs/{run}/files/report.json")
    assert data["regions"][0]["is_named"]
    path = tmp_path / "map.som"
    path.write_bytes(client.ask("GET", f"/runs/{run}/files/map.som").body)
    kept = regions.kept(load(path))
    assert kept is not None
    assert kept.names[0] == HOSTILE[1]

    # What goes wrong is said beside the button, and nothing is lost.
    person.browser.click("#edit")
    person.browser.click("#pick-0")
    person.browser.click("#split")
    client.post(f"/api/runs/{run}/delete")
    person.browser.click("#save-regions")
    person.wait_for_words("#edited", "This run does not exist. It may have been deleted.")
    assert not person.browser.run("return document.getElementById('save-regions').disabled")
    assert [c for c in person.browser.complaints() if "404" not in c] == []


def _all_ranks(person: Person) -> list[str]:
    """Open all findings of the list, and return the ranks in its order."""
    person.browser.run("document.querySelectorAll('#rows summary').forEach(one => one.click())")
    ranks = "[...document.querySelectorAll('#rows tr[data-rank]')].map(row => row.dataset.rank)"
    found = person.browser.run(f"return {ranks}")
    assert isinstance(found, list)
    return found


def test_one_decision_on_selected_rows_is_undone_as_a_whole(
    person: Person, client: Client, axe: str
) -> None:
    run = _ranked(client)
    report = client.get(f"/runs/{run}/files/report.json")
    finding, rows = report["findings"][0], report["rows"]["numbers"]
    single = next(
        rank
        for rank in range(report["n_alerts"])
        if all(rank not in each["ranks"] for each in report["findings"])
    )

    def decided() -> dict[str, tuple[str, str]]:
        marks = client.get(f"/api/runs/{run}/marks")
        said = {row: (mark["decision"], mark["comment"]) for row, mark in marks.items()}
        return {row: each for row, each in said.items() if each != ("open", "")}

    person.visit(f"/runs/{run}/report")
    person.wait_for_words("#marked", "No row is marked yet")
    assert not person.browser.run("return document.getElementById('selection').checkVisibility()")
    one = f'#rows tr[data-rank="{single + 1}"] .pick'
    head = f'#rows tr[data-finding="{finding["number"]}"] .pick'
    for box in (one, head):
        person.tab_to(box)
        person.press(SPACE)
    n = len(finding["ranks"]) + 1
    person.wait_for_words("#selected", f"{n} selected")
    person.picture("selected")
    person.browser.run(axe + "; window.axe = axe;")
    assert person.browser.run(RUN_AXE, RULES) == []
    person.browser.type("#selection input", "like last month")
    person.browser.click("#selection .cleared")
    person.wait_for_words("#marked", f"0 confirmed, {n} cleared")
    numbers = {str(rows[rank]) for rank in (single, *finding["ranks"])}
    assert decided() == dict.fromkeys(numbers, ("cleared", "like last month"))
    assert not person.browser.run("return document.getElementById('selection').checkVisibility()")
    person.press(SPACE)  # the focus is on Undo
    person.wait_for_words("#marked", "No row is marked yet")
    assert decided() == {}
    person.browser.click(f"{one}")
    person.press("c")  # a key decides all that are selected
    person.wait_for_words("#marked", "1 confirmed, 0 cleared")
    person.browser.click("#undo-mark")
    person.wait_for_words("#marked", "No row is marked yet")
    # Another person is faster, so nothing is saved.
    person.browser.click(one)
    person.browser.click(head)
    client.post(f"/api/runs/{run}/mark", {"row": rows[single], "decision": "later"})
    person.browser.click("#selection .confirmed")
    person.wait_for_words("#problem", f"None of these {n} decisions was saved.")
    assert decided() == {str(rows[single]): ("later", "")}
    assert [c for c in person.browser.complaints() if "409" not in c] == []
    client.post(f"/api/runs/{run}/delete")


def test_keys_mark_and_go_on_and_undo(person: Person, client: Client) -> None:
    run = _ranked(client)
    person.visit(f"/runs/{run}/report")
    person.wait_for_words("#marked", "No row is marked yet")
    ranks = _all_ranks(person)
    width = "return document.querySelector('#rows .confirmed').offsetWidth"
    before = person.browser.run(width)
    person.press("j", "c")
    person.wait_for_words("#marked", "1 confirmed, 0 cleared")
    assert person.browser.run(width) == before
    current = "return document.querySelector('#rows tr.current').dataset.rank"
    assert person.browser.run(current) == ranks[1]
    person.press("x")
    person.wait_for_words("#folded", "1 cleared row folded")
    assert person.browser.run(current) == ranks[2]
    person.press("l")
    person.wait_for_words("#marked", "1 confirmed, 1 cleared, 1 later")
    person.press("k", "m")  # to the row before, and its comment
    person.wait("document.activeElement.id.startsWith('comment-')")
    person.press(*"lux", ENTER)  # letters, and no keys
    person.wait_for_words(f'#rows tr[data-rank="{ranks[2]}"] .said', "lux")
    number = client.get(f"/runs/{run}/files/report.json")["rows"]["numbers"][int(ranks[2]) - 1]
    found = client.get(f"/api/runs/{run}/marks")[str(number)]
    assert (found["decision"], found["comment"]) == ("later", "lux")
    for words in ("1 confirmed, 1 cleared, 1 later", "1 confirmed, 1 cleared", "1 confirmed, 0"):
        person.browser.click("#undo-mark")
        person.wait_for_words("#marked", words)
    # Keys that are faster than the answers mark one row each.
    fast = "dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))"
    person.browser.run(f"for (let i = 0; i < 3; i += 1) document.body.{fast}", "c")
    person.wait_for_words("#marked", "4 confirmed, 0 cleared")
    person.browser.run(f"for (let i = 0; i < 3; i += 1) document.body.{fast}", "u")
    person.wait_for_words("#marked", "1 confirmed, 0 cleared")
    person.browser.click("#show-keys")
    person.wait_for("#keys")
    assert "mark" in person.words("#keys")
    person.browser.click("#has-keys")
    person.browser.click("#keys > button")
    person.press("x")
    assert person.words("#marked") == "1 confirmed, 0 cleared"
    person.browser.run("localStorage.clear()")
    client.post(f"/api/runs/{run}/delete")


def _watch_of(client: Client, name: str, header: str, rows: list[str], alerts: int) -> None:
    """Begin a watch with an upload."""
    run = client.upload("january.csv", "\n".join([header, *rows, ""]).encode())
    client.wait(run)
    client.post(f"/api/runs/{run}/start", {"alerts": alerts, "id": 0})
    client.wait(run)
    client.post(f"/api/runs/{run}/watch", {"name": name, "key": [0]})


def test_a_run_becomes_a_watch_whose_cases_are_decided(
    person: Person, client: Client, axe: str, tmp_path: Path
) -> None:
    header, rows = customers(90)
    run = client.upload("january.csv", "\n".join([header, *rows, ""]).encode())
    client.wait(run)
    client.post(f"/api/runs/{run}/start", {"alerts": 5, "id": 0})
    client.wait(run)
    person.visit(f"/runs/{run}/report")
    person.wait_for_words("#marked", "No row is marked yet")
    person.browser.click("#keep-watch")
    person.wait_for("#watch-dialog")
    person.browser.run(
        "document.getElementById('watch-name').value = arguments[0]",
        HOSTILE[1][:40].replace("/", ""),
    )
    person.browser.click("#watch-dialog .primary")
    person.wait("location.pathname.startsWith('/watches/')")
    person.wait_for_words("#count", "5 cases")

    # The next file is dropped onto the watch.
    person.visit("/")
    person.wait_for_words("#watches", "5 rows are open")
    watch = person.browser.run("return document.querySelector('#watches h3 a').pathname")
    for case in client.get(f"/api{watch}")["cases"][:3]:
        body = {"key": case["key"], "decision": "cleared", "seen": 0, "comment": "as it was"}
        client.post(f"/api{watch}/decide", body)
        (at,) = [i for i, row in enumerate(rows) if row.startswith(case["key"] + ",")]
        cells = rows[at].split(",")
        rows[at] = ",".join([cells[0], "99999", *cells[2:]])
    person.browser.type("#file-of-0", str(write(tmp_path / "february.csv", header, rows)))
    person.wait("location.pathname.endsWith('/report')")
    assert person.browser.texts("#anew, #again") == []
    # It returned: what was said of it as it was does not stand.
    person.wait_for("#rows .news")
    person.browser.emulate(width=390, height=844)
    person.browser.run("document.getElementById('list').scrollIntoView()")
    assert person.browser.run(
        "const edge = (part, side) => document.querySelector(part).getBoundingClientRect()[side];"
        "return edge('.bar', 'bottom') <= edge('#list h2', 'top')"
    )
    person.browser.emulate_nothing()
    _all_ranks(person)
    person.wait_for_words("#rows tr[data-rank='1'] .news", "returned")
    person.wait_for_words("#rows tr[data-rank='1'] .said", "as it was")
    assert person.words("#rows tr[data-rank='1'] .marks .cleared") == "Clear"
    person.visit("/")
    person.wait_for_words("#watches", "run 2")
    person.wait_for_words("#watches", "3 returned")
    pages = {
        "home": "/",
        "watch": person.browser.run(
            "return watchAt(document.querySelector('[data-watch]').dataset.watch)"
        ),
    }
    _several_decided(person, client, pages["watch"])
    pages |= _decided_by_two(person, client, pages["watch"])
    for name, path in pages.items():
        person.visit(path)
        person.wait_for("li, .here")
        assert person.browser.texts("img[src='x'], [onmouseover]") == []
        person.picture(name)
        person.browser.run(axe + "; window.axe = axe;")
        assert person.browser.run(RUN_AXE, RULES) == [], name
    _replaced(person, watch, axe, write(tmp_path / "right.csv", *customers(80)))
    assert [c for c in person.browser.complaints() if "409" not in c] == []


def _several_decided(person: Person, client: Client, watch: str) -> None:
    """Decide all waiting cases of the page of a watch at once, and undo that."""

    def waiting() -> dict[str, str]:
        found = client.get(f"/api{watch}")["cases"]
        return {case["key"]: case["comment"] for case in found if case["waits"]}

    before = waiting()
    person.visit(watch)
    person.wait_for("#all .pick")
    found = [case for case in client.get(f"/api{watch}")["cases"] if case["waits"]]
    known = sorted((case["amount"] for case in found if case["amount"] is not None), reverse=True)
    total = person.browser.run("return money(arguments[0])", sum(known))
    assert f"with amount {total} at stake in {len(known)} open" in person.words("#count")
    assert person.browser.run("return document.getElementById('by').value") == "rank"
    person.choose("#by", "amount")
    keys = {case["key"]: case["amount"] for case in found}
    shown = person.browser.run(
        "return [...document.querySelectorAll('#cases li')].map(line => line.dataset.key)"
    )
    assert [keys[key] for key in shown][: len(known)] == known
    # The list of categories is edited, and all fields for comments offer it.
    person.browser.run("document.querySelector('#category-list').closest('details').open = true")
    person.browser.run("document.getElementById('category-list').value = 'moved\\n\\n seasonal'")
    person.browser.click("#save-categories")
    person.wait_for_words("#categories-saved", "Saved.")
    offered = "[...document.querySelector('#selection input').list.options].map(o => o.value)"
    assert person.browser.run(f"return {offered}") == ["moved", "seasonal"]
    assert client.get(f"/api{watch}")["categories"] == ["moved", "seasonal"]
    person.tab_to("#all .pick")
    person.press(SPACE)
    person.wait_for_words("#selected", f"{len(before)} selected")
    person.browser.type("#selection input", "all alike")
    person.browser.click("#selection .confirmed")
    person.wait_for_words("#count", "No case is waiting")
    found = {case["key"]: case for case in client.get(f"/api{watch}")["cases"]}
    said = {(found[key]["state"], found[key]["comment"]) for key in before}
    assert (len(before) > 1, waiting(), said) == (True, {}, {("confirmed", "all alike")})
    person.press(SPACE)  # the focus is on Undo
    person.wait_for_words("#count", f"{len(before)} cases")
    assert waiting().keys() == before.keys()


def _replaced(person: Person, watch: str, axe: str, right: Path) -> None:
    """Say that the table of the last run was wrong, and give the right one."""
    person.visit(watch)
    for width, height in ((1440, 900), (390, 844)):
        person.browser.emulate(width=width, height=height)
        person.wait_for("#watch-runs .replace")
        person.browser.run("scrollTo(0, document.documentElement.scrollHeight)")
        assert person.browser.run(f"return {INSIDE}", "#watch-runs .replace") == 2
    person.browser.emulate_nothing()
    person.browser.click("#watch-runs .replace")
    person.wait_for("#right-dialog")
    assert "replaces run 2. It is compared" in person.words("#right-dialog")
    person.picture("right-dialog")
    person.browser.run(axe + "; window.axe = axe;")
    assert person.browser.run(RUN_AXE, RULES) == []
    person.browser.type("#right-file", str(right))
    person.browser.click("#right-dialog .primary")
    person.wait("location.pathname.endsWith('/report')")
    person.wait_for_words("#changed-lead", "It replaces run 2.")
    person.visit(watch)
    person.wait_for_words("#watch-runs", "replaced by run 3")
    person.picture("replaced")


def _decided_by_two(person: Person, client: Client, watch: str) -> dict[str, str]:
    """Decide about a case when somebody else was faster; return the case's page."""
    person.visit(watch)
    person.wait_for_words("#count", "6 cases")
    case = client.get(f"/api{watch}")["cases"][0]
    body = {**case, "decision": "cleared", "comment": "paid" + HOSTILE[1]}
    client.post(f"/api{watch}/decide", body)
    assert person.browser.texts("#cases li input:not(.pick, [hidden])") == []
    person.browser.click("#cases li:nth-child(2) .write")
    person.browser.type("#cases li:nth-child(2) input[type='text']", "half a thought")
    person.browser.click("#cases .confirmed")
    person.wait_for_words("#problem", f"(paid{HOSTILE[1]})")
    person.wait_for_words("#count", "5 cases")
    # The next line has the focus, and what was typed there stands.
    assert person.browser.run(
        "return document.activeElement.closest('#cases li:first-child') !== null"
    )
    assert (
        person.browser.run("return document.querySelector('#cases input[type=text]').value")
        == "half a thought"
    )
    page = f"{watch}/cases/{case['key']}"
    person.visit(page)
    person.wait_for_words("#history", "paid" + HOSTILE[1])
    person.browser.click("#decide .later")
    person.wait_for_words("#history", "later by")
    person.browser.type("#decide input", f"a comment{ENTER}")  # the decision stays
    person.wait_for_words("#history", "a comment")
    person.wait_for("#decide .later[aria-pressed='true']")
    assert person.browser.printed().count(b"/Type /Page\n") <= 1
    return {"case": page}


def test_drift_of_the_last_run_is_above_the_cases(
    person: Person, client: Client, tmp_path: Path
) -> None:
    header, rows = customers(400)
    _watch_of(client, "drifts", header, rows, alerts=9)
    person.visit("/watches/drifts")
    person.wait_for("#cases li")
    assert person.browser.run("return document.getElementById('drifted').hidden")
    assert person.browser.run(f"return {INSIDE}", "#replace .replace") == 1
    at = header.split(",").index("amount")
    cents = [",".join([*r[:at], str(100 * float(r[at])), *r[at + 1 :]]) for r in map(_cells, rows)]
    march = "\n".join([header, *cents, ""]).encode()
    late = client.ask("POST", "/api/uploads?name=march.csv&watch=drifts", march).json["run"]
    assert client.wait(late)["state"] == "done"
    person.visit("/watches/drifts")
    for width, height in ((1440, 900), (390, 844)):
        person.browser.emulate(width=width, height=height)
        person.wait_for_words("#drifted", "amount is 100 times larger")
        assert person.browser.run(f"return {INSIDE}", "#drifted .replace, #replace .replace") == 1
    person.browser.emulate_nothing()
    person.browser.click("#drifted .replace")
    person.wait_for_words("#right-dialog", "Was the table of run 2 wrong?")
    person.visit("/")
    person.wait_for_words("[data-watch='drifts'] .drift:not(.none)", "100 times larger")
    person.browser.click("[data-watch='drifts'] .drift a")
    person.wait_for_words("#right-dialog", "Was the table of run 2 wrong?")
    person.visit("/")
    person.wait_for("[data-watch='drifts'] .months")
    months = "document.querySelectorAll(\"[data-watch='drifts'] .months tbody tr\")"
    shown = person.browser.run(
        f"return [...{months}].map(row => row.cells[0].textContent.split(',')[0])"
    )
    assert shown == ["march.csv", "january.csv"]


def test_numbers_in_reasons_have_the_decimals_of_their_column(
    person: Person, client: Client
) -> None:
    _watch_of(client, "numbers", *customers(90), alerts=5)
    key = client.get("/api/watches/numbers")["cases"][0]["key"]
    person.visit(f"/watches/numbers/cases/{key}")
    person.wait_for("#why li")
    # Values have as many decimals as in the column. Years, codes and ids are as in the file.
    said = {
        "balance is -88000.0; usual is 5 to 1250.5.": "balance is -88,000.00; usual is 5 to "
        "1,250.5.",
        "balance is 2.5 times larger than usual.": "balance is 2.5 times larger than usual.",
        "Drift: balance is 3.2 standard deviations higher.": "Drift: balance is 3.2 standard "
        "deviations higher.",
        "balance is 912,345.50, the highest.": "balance is 912,345.50, the highest.",
        "balance is 1.5e-7, 2 of 9 rows.": "balance is 1.5e-7, 2 of 9 rows.",
        "balance is 11%; usual is 5%.": "balance is 11%; usual is 5%.",
        "score is 5.0, 2 of 9 rows.": "score is 5.0, 2 of 9 rows.",
        "Old; since then total balance moved from 1234 to 5678.5, late balance moved from 3 to "
        "4.": "Old; since then total balance moved from 1,234.0 to 5,678.5, late balance moved "
        "from 3 to 4.",
        "balance is 1234.567, 2 of 9 rows.": "balance is 1,234.567, 2 of 9 rows.",
        "share is 1.0; usual is 0.05.": "share is 1; usual is 0.05.",
        "Old; since then share moved from 1 to 2.5, balance moved from 9 to 119535.3.": "Old; "
        "since then share moved from 1 to 2.5, balance moved from 9.00 to 119,535.30.",
        "year is 2024; usual is 1999.": "year is 2024; usual is 1999.",
        "Drift: balance moved from 10 to 136000.": "Drift: balance moved from 10.00 to 136,000.00.",
    }
    numbers = "new Map([['balance', 2], ['share', 3], ['total balance', 1], ['score', 1]])"
    for reason, words in said.items():
        shown = person.browser.run(f"return inReason(arguments[0], {numbers})", reason)
        assert shown == words
    checks = {
        "balance -88,000 (next 970.65): row 1": "balance -88,000.00 (next 970.65): row 1",
        "balance 1, 2.5 (next 9262), also in x": "balance 1.00, 2.50 (next 9,262.00), also in x",
        "share 1 (next 9262): row 3": "share 1 (next 9,262): row 3",
        "year 1900 (next 1990): row 4": "year 1900 (next 1990): row 4",
        "balance is below 0 (lowest -5)": "balance is below 0 (lowest -5)",
    }
    for check, words in checks.items():
        assert person.browser.run(f"return inCheck(arguments[0], {numbers})", check) == words


def _cells(row: str) -> list[str]:
    return row.split(",")
