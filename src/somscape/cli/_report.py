"""`report`: the page of a saved map and a table."""

from pathlib import Path
from typing import Any

from somscape import report
from somscape.cli._agreement import agreement_line
from somscape.cli._console import gaps_of, make_console, say, stage
from somscape.cli._load import load_detector
from somscape.cli._out import check_result, writing
from somscape.errors import InputError
from somscape.jobs import (
    RULES,
    UNTOLD,
    agreement_of,
    command_line,
    now,
    page_agreement,
    reading_of,
    ready_for,
    rule_of,
    split_label,
)
from somscape.maps import Map, as_map
from somscape.outliers import SCORES, detector_in
from somscape.regions import Regions, find_regions, given_or_found, read
from somscape.save import load
from somscape.tables import Table, counted, read_table


def report_file(map_file: str, path: str, out: Path, **options: Any) -> None:
    """Write the page that shows the rows of a file on a saved map."""
    regions_file = options["n_regions"] if isinstance(options["n_regions"], str) else None
    check_result("page", out, map_file, path, regions_file, options=options)
    flags = any(options[name] is not None for name in RULES)
    thing = load_detector(map_file) if flags else load(map_file)
    map_, detector = as_map(thing), detector_in(thing)
    without_scores = []
    if detector is not None and detector.score not in SCORES and not flags:
        without_scores = [
            f"The method '{detector.score}' was removed, so the page shows the map without scores."
        ]
        thing, detector = map_, None
    regions = _regions(map_, options["n_regions"])
    with stage(f"reading {path}"):
        table = read_table(path, **reading_of(path, options, map_.encoding.roles))
    _check_label(map_, table, options["label"])
    subject = ready_for(map_, table, options)
    table, label = subject.table, subject.label
    with stage("ranking, drawing, writing"):
        rule, alerts, agreement = None, None, None
        if detector is None:
            map_.rows_of(table)  # or says what is wrong with the table
        else:
            rule = rule_of(options, table)
            alerts = detector.alerts_by(rule, table)
            agreement = None if label is None else agreement_of(alerts, label)
        gaps = [*without_scores, *gaps_of(map_.encoding, table)]
        data = report.build(
            thing,
            table,
            alerts,
            rule=rule,
            regions=regions,
            agreement=None if label is None else page_agreement(label, agreement),
            command=command_line(["report", map_file, path], options, "page.html"),
            notes=gaps,
            grouped=subject.grouped,
        )
        with writing(out, force=options["force"]) as making:
            making.write_bytes(report.render(data, made_at=now()).encode())
    console = make_console()
    n_alerts = "" if alerts is None else f", {alerts.n_alerts} listed"
    say(console, f"{counted(table.n_rows, 'row')} of {table.source}{n_alerts}.")
    if alerts is not None:
        say(console, f"{alerts.headline}.")
    for line in gaps:
        say(console, line)
    if "classes" in data:
        say(console, _classes_line(data["classes"]))
    if label is not None and agreement is not None:
        say(console, agreement_line(label, agreement))
    say(console, f"Wrote {out}")


def _regions(map_: Map, given: int | str | None) -> Regions:
    if isinstance(given, int) or given == "auto":
        return find_regions(map_, given)
    return given_or_found(None, map_) if given is None else read(given, map_)


def _classes_line(found: dict[str, Any]) -> str:
    """Return how good a classifier is, as the page says it."""
    accuracy, n_known = found["accuracy"], found["n_known"]
    told = UNTOLD if accuracy is None else f"{100 * accuracy:.1f} %"
    line = f"{len(found['names'])} classes; cross-validated accuracy {told}"
    if not n_known:
        return f"{line}."
    rows = f"{counted(n_known, 'row')} with a known '{found['target']}'"
    return f"{line}; of {rows}, {found['n_right']:,} are named rightly."


def _check_label(map_: Map, table: Table, given: str | None) -> None:
    column, _ = split_label(given, table)
    if column in [code.name for code in map_.encoding.features]:
        raise InputError(
            f"--label {column} is a column that this map was made from; a label to compare with is "
            "one that it never saw."
        )
