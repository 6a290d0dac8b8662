"""Keep files of each kind that commit 8cdcb1a4 wrote, for later versions to read.

``python tests/golden/make_8cdcb1a4.py`` ran with the code of that commit.  It wrote the folder
8cdcb1a4: map files of each kind, a roles file, a file of users, a state folder of the app, and
facts about all of them in facts.json.  The facts include the two states of state-8cdcb1a4, which
`make.state` wrote.  The folder is never written again; `test_golden_8cdcb1a4.py` reads it.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]  # when it runs by itself

from golden.make import KEY, table, table_cells  # noqa: E402

from somscape import (  # noqa: E402
    SOM,
    Detector,
    Graph,
    Lattice,
    SOMClassifier,
    SOMDetector,
    SOMRegressor,
    TableEncoder,
    load,
    regions,
    save,
)
from somscape.recognize import Predictor, Recognizer  # noqa: E402
from somscape.tables import Table, table_from_columns  # noqa: E402


def rows() -> np.ndarray:
    """Return rows of three numbers, of which two are missing."""
    X = np.random.default_rng(0).normal(size=(40, 3)).round(3)
    X[3, 0] = X[7, 2] = np.nan
    return X


ENCODER = {
    "id": "customer_id",
    "missing": "fill",
    "dates": ["since"],
    "ordinals": {"grade": ["low", "middle", "high"]},
    "dictionary": {"job": {"": "Job", "cook": "works in a kitchen"}},
}

LAYERS = {"money": ["amount"], "person": ["job", "grade", "since"]}

ROLES = """\
# Roles of each kind.
missing = "mask"
others = "rules"
date_format = "mdy"
missing_values = ["none", "999"]

[reading]
delimiter = ";"
decimal = ","
encoding = "latin-1"
sheet = "May"

[dictionary]
job = { "" = "Job", A171 = "unskilled" }

[layers]
work = ["job", "size"]
person = ["amount", "opened on"]

[layer_weights]
work = 2.0

[columns]
customer = "per"
key_id = "id"
churned = { kind = "label", value = "yes" }
note = "drop"
sex = "protect"
job = "category"
amount = "number"
size = { kind = "ordinal", levels = ["S", "M", "L"] }
"opened on" = "date"
"""

REMOVED = ("density", "local_scale", "mass")
"""Scores that only older versions have."""

METHODS = ("k_prototype", "quantization_error", *REMOVED)
METRICS = ("cosine", "manhattan", "chebyshev", "correlation", "mahalanobis")


def two_groups() -> np.ndarray:
    """60 rows in two groups."""
    return np.random.default_rng(2).normal(size=(60, 3)).round(3) + [[0, 0, 0], [5, 0, 5]] * 30


def sparse_rows() -> scipy.sparse.csr_array:
    """40 rows of six counts, most of them 0."""
    return scipy.sparse.csr_array(np.random.default_rng(3).poisson(0.4, (40, 6)).astype(float))


def marks() -> np.ndarray:
    """For each row of the table 1 (confirmed), 0 (cleared) or -1 (not marked)."""
    known = np.full(40, -1)
    known[:14] = [1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0]
    return known


def map_files() -> dict[str, tuple[Any, Any]]:
    """By name, a thing that `load` opens, and rows that it is asked about."""
    X, seed = np.nan_to_num(rows()), {"random_state": 0}
    classes = np.where(X[:, 0] > 0, "high", "low")
    ring = Graph(np.roll(np.eye(7), 1, axis=1) + np.roll(np.eye(7), -1, axis=1))
    torus = Lattice(4, 5, boundary="torus")
    grouped = SOM(4, 5, **seed).fit(two_groups())
    found = regions.rename(regions.find_regions(grouped, 2), {0: "usual", 1: "far"})
    found = regions.recolor(found, {"usual": "#AA3300"})
    layered = TableEncoder(**ENCODER, layers=LAYERS, layer_weights={"money": 2.0})
    small = {"som": SOM(3, 4), **seed}
    of_rows = {
        "map": SOM(3, 4, missing="fill", **seed).fit(rows()),
        "masked": SOM(3, 4, missing="mask", **seed).fit(rows()),
        "torus": SOM(lattice=torus, **seed).fit(X),
        "rectangular": SOM(3, 3, lattice="rectangular", boundary="cylinder", **seed).fit(X),
        "graph": SOM(lattice=ring, **seed).fit(X),
        **{f"metric_{name}": SOM(3, 3, metric=name, **seed).fit(X) for name in METRICS},
        "weighted": SOM(3, 3, feature_weight=[1, 2, 0.5], **seed).fit(X),
        "detector": SOMDetector(missing="fill", **small).fit(rows()),
        "detector_clean": SOMDetector(training_is_clean=True, **small).fit(X),
        **{
            f"detector_{name}": SOMDetector(name, n_maps=1, n_prototypes=2, **small).fit(X)
            for name in METHODS
        },
        "classifier": SOMClassifier(reject=0.1, **small).fit(X, classes),
        "classifier_by_winner": SOMClassifier(
            sharpen=False, smooth=False, layer_weight=0.5, **small
        ).fit(X, classes == "low"),
        "regressor": SOMRegressor(**small).fit(X, X[:, 0] + X[:, 1] ** 2),
        "regressor_of_two": SOMRegressor(relevance=False, **small).fit(X, X[:, :2] * [1, -3]),
    }
    of_table = {
        "encoder": SOM(3, 4, encoder=TableEncoder(**ENCODER), **seed).fit(table()),
        "layers": SOM(3, 4, encoder=layered, **seed).fit(table()),
        "detector_of_table": SOMDetector(encoder=TableEncoder(**ENCODER), **small).fit(table()),
        "detector_with_marks": SOMDetector(encoder=layered, **small).fit(table(), known=marks()),
        "classifier_of_table": SOMClassifier(encoder=TableEncoder(**ENCODER), **small).fit(
            table(), ["low", "high", "middle", "low", "high"] * 8
        ),
    }
    regional = np.random.default_rng(4).normal(size=(450, 2)) + [[0, 0], [6, 0], [0, 6]] * 150
    by_region = SOMDetector(calibration="regional", n_maps=1, som=SOM(5, 5), **seed)
    return {
        **{name: (thing, rows() if name == "masked" else X) for name, thing in of_rows.items()},
        **{name: (thing, table()) for name, thing in of_table.items()},
        "kept_regions": (regions.keep(grouped, found), two_groups()),
        "sparse": (SOM(3, 3, **seed).fit(sparse_rows()), sparse_rows().toarray()),
        "detector_regional": (by_region.fit(regional), regional),
    }


def facts_of(thing: Any, X: Any) -> dict[str, Any]:
    """Return the answers of a thing from a map file about rows, numbers with all of their bits."""
    map_ = getattr(thing, "map_", thing)
    kept = regions.kept(thing) if isinstance(thing, Detector) or thing is map_ else None
    facts: dict[str, Any] = {
        "kind": type(thing).__name__,
        "units": map_.n_units,
        "features": [feature.name for feature in map_.encoding.features],
        "codebook": hashlib.sha256(np.ascontiguousarray(map_.codebook, "<f8").data).hexdigest(),
        "hits": map_.hits.tolist(),
        "winners": map_.winners(X).tolist(),
    }
    if kept is not None:
        facts |= {"regions": kept.labels.tolist(), "names": kept.names, "colors": kept.colors}
    if map_.encoding.roles.layers:
        part = map_.of_layers([next(iter(map_.encoding.roles.layers))])
        facts["winners by a layer"] = part.winners(X).tolist()
    if isinstance(thing, Detector):
        facts |= {"score": thing.score, "members": len(thing.members)}
        facts |= {"threshold": bits(thing.threshold), "marks": bool(thing.effect_of_marks)}
        if thing.score not in REMOVED:
            alerts = thing.alerts(X, 3)
            facts |= {"scores": bits(thing.scores(X)), "p-values": bits(thing.p_values(X))}
            facts |= {"contributions": bits(thing.contributions(X))}
            facts |= {"rows": alerts.rows.tolist(), "ids": list(alerts.ids or ())}
            facts["reasons"] = [[each.column for each in row] for row in thing.reasons(X)]
    if isinstance(thing, Recognizer):
        facts |= {"classes": thing.predict(X).tolist(), "p-values": bits(thing.p_values(X))}
        facts |= {"probabilities": bits(thing.probabilities(X)), "accuracy": bits(thing.accuracy)}
    if isinstance(thing, Predictor):
        facts |= {"numbers": bits(thing.predict(X)), "intervals": bits(thing.predict_interval(X))}
    plain: dict[str, Any] = json.loads(json.dumps(facts))
    return plain


def bits(values: Any) -> Any:
    """Return numbers as texts with all bits, in lists that are nested in the same way."""
    found = np.asarray(values, float).tolist()
    return [bits(each) for each in found] if isinstance(found, list) else found.hex()


def first_five(rows: Any) -> Any:
    """Return five rows as JSON data: a list of rows, or the cells of a table by column."""
    if isinstance(rows, Table):
        return {name: cells[:5] for name, cells in table_cells().items()}
    return [[None if np.isnan(each) else each for each in row] for row in rows[:5].tolist()]


def rows_from(data: Any) -> Any:
    """Return the rows that `first_five` gave."""
    return table_from_columns(data) if isinstance(data, dict) else np.array(data, float)


def state_facts(place: Path | str, key: bytes | None = None) -> dict[str, Any]:
    """Return the content of a state: each line of the audit, run, case and decision."""
    from somscape.desk.cases import State, audit_lines, verify

    with State(place, key) as kept:
        verdict = verify(kept)
        watches = {}
        for watch in kept.watches():
            cases, runs = kept.cases(watch.name), kept.runs(watch.name)
            said = [each for case in cases for each in kept.history(watch.name, case.key)]
            listed = kept.listed(runs[-1].id)
            watches[watch.name] = {
                "key": list(watch.key),
                "runs": [[run.id, run.number, run.made, run.author] for run in runs],
                "cases": [[case.key, case.state] for case in cases],
                "decisions": [
                    [each.key, each.state, each.comment, each.author, each.made] for each in said
                ],
                "listed": [[row.key, row.place, row.score.hex(), row.news] for row in listed],
            }
        facts = {
            "head": verdict.head,
            "lines": list(audit_lines(kept)),
            "faults": list(verdict.faults),
            "sealed": verdict.n_sealed,
            "watches": watches,
        }
    plain: dict[str, Any] = json.loads(json.dumps(facts))
    return plain


@contextmanager
def state_of(file: Path) -> Iterator[Path]:
    """Give a state folder with a copy of a database."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "cases.sqlite").write_bytes(file.read_bytes())
        yield Path(folder)


def app_facts(client: Any) -> dict[str, Any]:
    """Return the runs, marks and watches that the app shows, as JSON data."""
    runs, watches = {}, {}
    for run in client.get("/api/runs"):
        name = run["run"]
        shown = client.get(f"/api/runs/{name}")
        facts = {part: shown[part] for part in ("name", "file", "watch", "made", "task", "state")}
        facts |= {"n_decisions": shown["n_decisions"], "uses_marks": shown["uses_marks"]}
        columns = shown["table"]["columns"] if shown["table"] else []  # of a watch's run
        facts["columns"] = [[each["name"], each["kind"]] for each in columns]
        chosen = shown["settings"]
        facts["settings"] = {part: chosen.get(part) for part in ("id", "label", "kinds", "alerts")}
        facts["marks"] = client.get(f"/api/runs/{name}/marks")
        report = client.get(f"/runs/{name}/files/report.json")["rows"]
        facts["rows"] = [report["numbers"][:5], report["scores"][:5]]
        for file in ("alerts.csv", "map.som"):
            content = client.ask("GET", f"/runs/{name}/files/{file}")
            assert content.status == 200, (file, content.text)
            facts[file] = hashlib.sha256(content.body).hexdigest()
        runs[name] = facts
    for watch in client.get("/api/watches"):
        path = f"/api/watches/{watch['name']}"
        cases = client.get(path)["cases"]
        told = ("decision", "comment", "author", "made")
        watches[watch["name"]] = {
            "n_runs": watch["n_runs"],
            "report": watch["report"],
            "cases": [[case[part] for part in ("key", "state", "comment")] for case in cases],
            "history": {
                case["key"]: [
                    [said[part] for part in told]
                    for said in client.get(f"{path}/cases/{case['key']}")["history"]
                ]
                for case in cases
            },
        }
    return {"runs": runs, "watches": watches}


def app_folder(folder: Path) -> dict[str, Any]:
    """Fill a state folder by the app, and return facts about the folder.

    January becomes a watch with two decided cases, and February its second run, with two more
    decisions.  March is an upload with marks, ranked twice, the second time with its marks.
    """
    from command_line import customers_csv
    from web_client import serving

    def ranked(client: Any, run: str) -> Any:
        found = client.wait(run)
        assert found["state"] == "done", found["problem"]
        return client.get(f"/runs/{run}/files/report.json")["rows"]["numbers"]

    with serving(folder, "--jobs", "1", LOGNAME="ann") as server:
        client = server.client.enter()
        settings = {"alerts": 6, "id": 0, "label": 4, "value": "yes"}
        first = client.upload("january.csv", customers_csv())
        client.wait(first)
        client.post(f"/api/runs/{first}/start", settings)
        n = ranked(client, first)
        for row, decision, comment in ((n[0], "confirmed", "a theft"), (n[1], "cleared", "")):
            body = {"row": row, "decision": decision, "comment": comment}
            client.post(f"/api/runs/{first}/mark", body)
        client.post(f"/api/runs/{first}/watch", {"name": "cards", "key": [0]})
        content = customers_csv().replace(b"\n00030,", b"\n00030,9000")
        second = client.ask("POST", "/api/uploads?name=february.csv&watch=cards", content)
        ranked(client, second.json["run"])
        waiting = [case for case in client.get("/api/watches/cards")["cases"] if case["waits"]]
        for case, decision in zip(waiting[:2], ("later", "cleared"), strict=True):
            body = {"key": case["key"], "seen": case["seen"], "decision": decision}
            client.post("/api/watches/cards/decide", body | {"comment": "ask Jørgen"})
        third = client.upload("march.csv", customers_csv(55))
        client.wait(third)
        client.post(f"/api/runs/{third}/start", settings | {"kinds": {"4": "category"}})
        n = ranked(client, third)
        for row, decision in zip(n[:4], ("confirmed", "cleared", "later", None), strict=True):
            body = {"row": row, "decision": decision, "comment": "" if decision else "=1+1"}
            client.post(f"/api/runs/{third}/mark", body)
        again = client.post(f"/api/runs/{third}/again", {"with_marks": True})["run"]
        ranked(client, again)
        client.post(f"/api/runs/{again}/name", {"name": "March, with marks"})
    with serving(folder, "--jobs", "1", LOGNAME="ann") as server:
        return app_facts(server.client.enter())


def write_8cdcb1a4(folder: Path) -> None:
    """Write map files, a roles file, the users and the folder of an app, and facts about them."""
    from team import write_team

    maps, facts = folder / "maps", {}
    maps.mkdir(parents=True)
    for name, (thing, X) in map_files().items():
        thing.save(maps / f"{name}.som")
        rows = first_five(X)
        facts[name] = {"of": rows, "found": facts_of(load(maps / f"{name}.som"), rows_from(rows))}
    save.write_cod(maps / "som_pak.cod", load(maps / "map.som"))
    save.write_wts(maps / "esom.wts", load(maps / "rectangular.som"))
    (folder / "roles.toml").write_text(ROLES)
    write_team(folder / "users.toml", anna="look", bo="decide", kim="run")
    states, app = {}, app_folder(folder / "app")
    for name, key in (("open", None), ("sealed", KEY)):
        with state_of(HERE / "state-8cdcb1a4" / f"{name}.sqlite") as place:
            states[name] = state_facts(place, key)
    with state_of(folder / "app" / "cases.sqlite") as place:
        states["app"] = state_facts(place)
    written = {"maps": facts, "states": states, "app": app}
    (folder / "facts.json").write_text(json.dumps(written, ensure_ascii=False, indent=0) + "\n")


if __name__ == "__main__":
    write_8cdcb1a4(HERE / "8cdcb1a4")
