"""Regions that were edited on the page are saved in the run, and come over to the next."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from web_client import Client

from somscape import load, regions

DEEP: list[Any] = []
for _ in range(700):
    DEEP = [DEEP]

ANOTHER = {"schema": "somscape-regions", "schema_version": 1, "labels": [0, 1], "names": []}


@pytest.fixture(scope="module")
def run(client: Client, ready: str) -> str:
    """A ranked run whose regions are to be changed."""
    found = client.post(f"/api/runs/{ready}/again")["run"]
    client.post(f"/api/runs/{found}/start", {"alerts": 6, "label": 4, "value": "yes"})
    assert client.wait(found)["state"] == "done"
    return str(found)


def map_of(client: Client, run: str, folder: Path) -> Any:
    path = folder / "map.som"
    path.write_bytes(client.ask("GET", f"/runs/{run}/files/map.som").body)
    return load(path)


def report_of(client: Client, run: str) -> dict[str, Any]:
    return dict(client.get(f"/runs/{run}/files/report.json"))


def edited(client: Client, run: str, folder: Path, n: int = 3) -> dict[str, Any]:
    """Return regions of a run's map as the page would say them."""
    found = regions.find_regions(map_of(client, run, folder), n)
    found = regions.recolor(regions.rename(found, {1: "</script>mine"}), {0: "#aa3300"})
    return found.to_json()


def test_saved_regions_are_in_the_page_its_files_and_the_map(
    client: Client, run: str, tmp_path: Path
) -> None:
    before, given = report_of(client, run), edited(client, run, tmp_path)
    alerts = client.ask("GET", f"/runs/{run}/files/alerts.csv").body
    assert client.post(f"/api/runs/{run}/regions", given) == {}
    after = report_of(client, run)
    assert [r["is_named"] for r in after["regions"]] == [False, True, False]
    assert [r["color"] for r in after["regions"]] == ["#aa3300", "", ""]
    assert after["regions"][1]["name"] == "</script>mine"
    assert all(r["sentence"] for r in after["regions"])
    assert sum(r["n_rows"] for r in after["regions"]) == 60
    assert sum(r["n_alerts"] for r in after["regions"]) == 6
    known = [each for r in after["regions"] for each in r["labels"] if each["value"] == "yes"]
    assert sum(each["n_known"] for each in known) == 60
    plane = next(plane for plane in after["planes"] if plane["key"] == "regions")
    assert plane["values"] == given["labels"]
    # All else stays.
    assert {key: after[key] for key in after if key not in ("planes", "regions")} == {
        key: before[key] for key in before if key not in ("planes", "regions")
    }
    assert client.ask("GET", f"/runs/{run}/files/alerts.csv").body == alerts
    kept = regions.kept(map_of(client, run, tmp_path))
    assert kept is not None
    assert kept.to_json() == given
    for page in ("report", "files/report.html"):
        text = client.ask("GET", f"/runs/{run}/{page}").text
        assert "\\u003c/script\\u003emine" in text
        assert "</script>mine" not in text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "The data are not regions"),
        ([], "The request is not a JSON object."),
        (ANOTHER, "units, but the map has"),
        ({**ANOTHER, "labels": [0, "a"]}, "'labels[1]' of the regions must be a whole number"),
        ({**ANOTHER, "labels": [[0]]}, "'labels[0]' of the regions must be a whole number"),
        ({**ANOTHER, "names": [1, 2]}, "`names` must be one text for each of 2 regions"),
        (
            {**ANOTHER, "colors": ["red", ""]},
            "for example '#1f77b4', but is 'red'.",
        ),
        ({**ANOTHER, "schema_version": 9}, "schema version 9"),
        ({"deep": DEEP}, "The data are not regions"),
    ],
)
def test_what_is_no_regions_is_refused_in_one_line(
    client: Client, run: str, body: Any, said: str
) -> None:
    before = report_of(client, run)
    answer = client.ask("POST", f"/api/runs/{run}/regions", json.dumps(body))
    assert answer.status == 422
    assert said in answer.problem
    assert "\n" not in answer.problem
    assert report_of(client, run) == before


def test_only_ranked_runs_and_pages_of_the_server_may_save(
    client: Client, ready: str, run: str
) -> None:
    early = client.ask("POST", f"/api/runs/{ready}/regions", json.dumps(ANOTHER))
    assert early.status == 409
    assert client.ask("POST", "/api/runs/0123456789abcdef/regions", "{}").status == 404
    path = f"/api/runs/{run}/regions"
    assert client.ask("POST", path, "{}", {"X-Somscape-CSRF": None}).status == 403
    assert client.ask("POST", path, "{}", {"Origin": "http://evil.example"}).status == 403
    assert client.ask("POST", path, "", {"Content-Length": str(5 << 20)}).status == 413


def test_edited_regions_come_over_to_the_next_run(client: Client, run: str, tmp_path: Path) -> None:
    given = edited(client, run, tmp_path)
    client.post(f"/api/runs/{run}/regions", given)
    # The same settings train the same map.
    same = client.post(f"/api/runs/{run}/again")["run"]
    client.post(f"/api/runs/{same}/start", {})
    assert client.wait(same)["state"] == "done"
    kept = regions.kept(map_of(client, same, tmp_path))
    assert kept is not None
    assert kept.to_json() == given
    assert (
        "The regions are the edited regions of the run before." in report_of(client, same)["notes"]
    )
    # Another map has regions of its own, which take names over.
    other = client.post(f"/api/runs/{same}/again")["run"]
    client.post(f"/api/runs/{other}/start", {"seed": 5, "kinds": {"3": "drop"}})
    assert client.wait(other)["state"] == "done"
    detector = map_of(client, other, tmp_path)
    found = regions.kept(detector)
    assert found is not None
    np.testing.assert_array_equal(found.labels, regions.find_regions(detector).labels)
    assert "so the regions were found again" in " ".join(report_of(client, other)["notes"])


def test_another_tables_run_gives_no_regions(client: Client, run: str, tmp_path: Path) -> None:
    client.post(f"/api/runs/{run}/regions", edited(client, run, tmp_path))
    rows = np.random.default_rng(0).normal(size=(60, 3)).round(3)
    text = "a,b,c\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    other = client.upload("small.csv", text.encode())
    client.wait(other)
    for name in (run, "../../etc", "x" * 999):
        client.post(f"/api/runs/{other}/settings", {"regions_of": name})
    client.post(f"/api/runs/{other}/start", {"alerts": 5, "regions_of": run})
    assert client.wait(other)["state"] == "done"
    assert regions.kept(map_of(client, other, tmp_path)) is None
