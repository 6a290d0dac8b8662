"""Commands `report`, `info` and `convert`, which describe maps and convert files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from somscape import report, save
from somscape.desk.cli._models import load_detector
from somscape.desk.cli._options import Conversion
from somscape.desk.cli._out import (
    check_result,
    check_save_roles,
    make_console,
    map_facts,
    stage,
    write_roles,
    writing,
)
from somscape.desk.jobs._detect import (
    agreement_of,
    alerts_of,
    checks_of,
    gaps_of,
    now,
    page_agreement,
    rule_of,
    score_words,
)
from somscape.desk.jobs._roles import read_as, ready_for, split_label
from somscape.desk.jobs._target import UNTOLD, quality_words
from somscape.desk.jobs.job import RULES, Job
from somscape.errors import InputError
from somscape.maps.map import Map, as_map, unit_columns
from somscape.outliers import AlertRule, Detector
from somscape.outliers.alerts import ids_column
from somscape.outliers.detector import detector_in
from somscape.recognize._answering import Answering
from somscape.recognize.recognizer import Recognizer
from somscape.regions.edit import given_or_found, keep, read
from somscape.regions.find import find_regions
from somscape.regions.regions import Regions
from somscape.save._load import Saved, load_model
from somscape.tables._messages import counted, free_name, listed
from somscape.tables._roles import comments_on, pinned
from somscape.tables._text import ARROW_FILES, WORKBOOKS
from somscape.tables._write import write_table
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import Roles
from somscape.tables.sources import paths_of
from somscape.tables.table import Table


def report_file(map_file: str, path: str, out: Path, job: Job, *, force: bool) -> None:
    """Write a page that shows where the rows of a file are on a saved map."""
    regions_file = job.n_regions if isinstance(job.n_regions, str) else None
    check_result("page", out, map_file, path, regions_file, force=force)
    flags = job.only(*RULES) != Job()
    thing = load_detector(map_file) if flags else load_model(map_file)
    map_, detector = as_map(thing), detector_in(thing)
    regions = _regions(map_, job.n_regions)
    with stage(f"reading {path}"):
        table = read_as(path, job, map_.encoding.roles)
    _check_label(map_, table, job.label)
    subject = ready_for(map_, table, job)
    table, label = subject.table, subject.label
    with stage("ranking, drawing, writing"):
        rule, alerts, agreement = None, None, None
        if detector is None:
            map_.rows_of(table)  # raises an error if the table does not fit
        else:
            own = None if detector.is_threshold_auto else AlertRule(above_threshold=True)
            rule = rule_of(job, table, otherwise=own)
            alerts = alerts_of(detector, rule, table, subject.grouped)
            agreement = None if label is None else agreement_of(alerts, label)
        gaps = gaps_of(map_.encoding, table)
        data = report.build(
            thing,
            table,
            alerts,
            rule=rule,
            regions=regions,
            agreement=None if label is None else page_agreement(label, agreement),
            command=job.command(["report", map_file, path], "page.html"),
            notes=gaps,
            grouped=subject.grouped,
            checks=checks_of(map_, table, subject.grouped),
        )
        with writing(out, force=force) as making:
            making.write_bytes(report.render(data, made_at=now()).encode())
    console = make_console(out)
    n_alerts = "" if alerts is None else f", {alerts.shown.n_alerts} listed"
    console.say(f"{counted(table.n_rows, 'row')} of {table.source}{n_alerts}.")
    if alerts is not None:
        console.say(f"{alerts.headline}.")
    console.say(*gaps)
    if "classes" in data:
        console.say(_classes_line(data["classes"]))
    if label is not None and agreement is not None:
        console.say_agreement(label, agreement)
    console.say(f"Wrote {out}")


def _regions(map_: Map, given: int | str | None) -> Regions:
    if isinstance(given, int) or given == "auto":
        return find_regions(map_, given)
    return given_or_found(None, map_) if given is None else read(given, map_)


def _classes_line(found: dict[str, Any]) -> str:
    """Return a line on the accuracy of a classifier."""
    accuracy, n_known = found["accuracy"], found["n_known"]
    told = UNTOLD if accuracy is None else f"{100 * accuracy:.1f} %"
    line = f"{len(found['names'])} classes; cross-validated accuracy {told}"
    if not n_known:
        return f"{line}."
    rows = f"{counted(n_known, 'row')} with a known '{found['target']}'"
    return f"{line}; {found['n_right']:,} of {rows} are predicted correctly."


def _check_label(map_: Map, table: Table, given: str | None) -> None:
    column, _ = split_label(given, table)
    if column in [code.name for code in map_.encoding.features]:
        raise InputError(
            f"--label is {column}, but the map uses this column. Give a column that the map does "
            "not use.",
            parameter="label",
            column=column,
        )


WORDS = {"n_epochs": "epochs planned", "n_init": "starts"}
SHOWN_BEFORE = ("n_iter", "stop_reason")
"""Training parameters that `map_facts` already shows."""


def show_info(map_file: str, save_roles: Path | None, *, force: bool) -> None:
    """Print facts about a saved map. Write its roles if requested."""
    check_save_roles(save_roles, None, map_file, force=force)
    thing = load_model(map_file)
    map_, detector = as_map(thing), detector_in(thing)
    if save_roles is not None:
        write_roles(save_roles, pinned(map_.encoding), comments_on(map_.encoding), force=force)
    errors, plan, last_error = map_.history.get("quantization_error"), map_.parameters, "unknown"
    if errors is not None:
        when = "measured in the last epoch, before the prototypes were updated"
        last_error = f"{errors[-1]:.4g} ({when})"
    facts = [
        *map_facts(map_),
        ("features", str(map_.codebook.shape[1])),
        *_hits(map_),
        *((WORDS.get(n, n.replace("_", " ")), plan[n]) for n in plan if n not in SHOWN_BEFORE),
        ("quantization error", last_error),
        ("made by", ", ".join(f"{k} {v}" for k, v in map_.versions.items()) or "unknown"),
    ]
    facts += _of_model(thing) if isinstance(thing, Answering) else _of_detector(detector)
    facts += [(name.replace("_", " "), value) for name, value in _other_roles(map_.encoding)]
    console = make_console(save_roles)
    console.show_facts(facts)
    console.print()
    console.show_columns(map_.encoding)
    if save_roles is not None:
        console.say(f"Wrote {save_roles}")


def _of_detector(detector: Detector | None) -> list[tuple[str, Any]]:
    if detector is None:
        return [("detector", "none, so this map cannot score rows")]
    regions, has_marks = detector.calibration.regions, detector.marks is not None
    return [
        ("score", score_words(detector)),
        ("threshold", f"{detector.threshold:.4g}"),
        ("calibration rows", len(detector.calibration.scores)),
        *([] if regions is None else [("calibration regions", regions.max() + 1)]),
        *([("marks", detector.effect_of_marks)] if has_marks else []),
    ]


def _of_model(model: Answering) -> list[tuple[str, Any]]:
    facts = [
        ("predicts", model.map_.encoding.named("label") or "what it learned"),
        ("quality", quality_words(model)),
        *[("warning", words) for words in model.leaks_in_words()],
    ]
    if isinstance(model, Recognizer):
        share = 100 * (model.reject or 0)
        facts.append(("classes", listed(map(str, model.classes))))
        facts.append(("rejects", f"{share:g} % of usual rows" if share else "no row"))
    return facts


def _other_roles(encoding: Encoding) -> list[tuple[str, Any]]:
    """Return those settings of the roles that are not kinds of columns, such as layers."""
    said = encoding.roles.settings()
    weights = said.pop("layer_weights", {})
    if "layers" in said:
        said["layers"] = ", ".join(
            f"{name} ({counted(len(columns), 'column')}, weight {weights.get(name, 1):g})"
            for name, columns in said["layers"].items()
        )
    return [*said.pop("reading", {}).items(), *said.items()]


def _hits(map_: Map) -> list[tuple[str, str]]:
    if not map_.hits.any():  # a file of another program
        return [("rows trained on", "unknown")]
    return [
        ("rows trained on", f"{map_.hits.sum():g}"),
        ("units that won no row", f"{int((map_.hits == 0).sum())}"),
    ]


TABLES = (".csv", ".parquet", ".xlsx")
ROWS = (
    *TABLES,
    *(".lrn", ".tsv", ".txt", ".gz", ".bz2", ".zst"),
    *(ending for ending in (*ARROW_FILES, *WORKBOOKS) if ending not in TABLES),
)
"""Extensions of those input files that contain rows instead of a map."""

MAP_WRITERS: dict[str, Callable[[Path, Saved], None]] = {
    ".som": lambda path, thing: thing.save(path),
    ".onnx": lambda path, thing: save.to_onnx(thing, path),
}


def convert_file(source: str, out: Path, job: Job, conversion: Conversion, *, force: bool) -> None:
    """Convert a file to another format. The file extensions select the formats."""
    rows, regions = conversion.table, conversion.regions
    check_result(None, out, source, rows, regions, force=force, name="OUT")
    is_table = _ending(source) in ROWS
    _check_conversion(source, out, conversion, is_table=is_table)
    with writing(out, force=force, name="OUT") as making:
        if is_table:
            table = _table(source, job)
            columns: dict[str, Any] = {column.name: column for column in table.columns}
            write_table(making, columns)
            said = f"{counted(table.n_rows, 'row')}, {counted(len(table.columns), 'column')}"
        else:
            thing = _map(source, conversion)
            if regions is not None:
                thing = keep(thing, read(regions, as_map(thing)))
            said = _write_map(thing, making, None if rows is None else _table(rows, job))
    make_console(out).say(f"Wrote {out}: {said}.")


def _check_conversion(source: str, out: Path, asked: Conversion, *, is_table: bool) -> None:
    """Raise InputError if an option does not fit the formats of the two files."""
    goes, what, table = out.suffix.lower(), asked.what, asked.table
    known = TABLES if is_table else (*MAP_WRITERS, *TABLES)
    if goes not in known:
        raise InputError(
            f"OUT is {out}, but {source} can only be converted to {', '.join(known)}. Give OUT one "
            "of these extensions.",
            parameter="OUT",
            file=out,
            allowed=known,
        )
    if what is not None and (is_table or goes not in TABLES):
        raise InputError(
            "--what selects the content of a .csv, .xlsx or .parquet file of a map, but "
            f"{source} and {out} are not such files. Leave --what out.",
            parameter="what",
            file=out,
        )
    if (table is not None) != (what == "winners"):
        raise InputError(
            "--table gives the rows whose places on the map --what winners writes. Give both "
            "options or none.",
            parameter="table",
            file=out,
        )
    if asked.regions is not None and goes != ".som":
        raise InputError(
            f"--regions is saved only in a .som file, but OUT is {out}. Leave --regions out, or "
            "give OUT the extension .som.",
            parameter="regions",
            file=out,
        )
    if asked.boundary is not None and _ending(source) != ".wts":
        raise InputError(
            f"Only a .wts file does not contain the boundary of its map, but IN is {source}. Leave "
            "--boundary out.",
            parameter="boundary",
            file=source,
        )


def _ending(path: str) -> str:
    """Return the extension of a file. For a folder, return that of its first file."""
    return (paths_of(path)[0] if Path(path).is_dir() else Path(path)).suffix.lower()


def _table(path: str, job: Job) -> Table:
    return save.read_lrn(path) if _ending(path) == ".lrn" else read_as(path, job, Roles())


def _map(source: str, asked: Conversion) -> Saved:
    if _ending(source) != ".wts":
        return load_model(source)
    if asked.boundary is not None:
        return save.read_wts(source, boundary=asked.boundary)
    map_ = save.read_wts(source)
    make_console(to_stderr=True).say(
        f"{source} does not contain the boundary of its map. The command uses "
        f"{map_.lattice.boundary} (change with --boundary).",
    )
    return map_


def _write_map(thing: Saved, out: Path, rows: Table | None) -> str:
    """Write a map, or the places of rows on it. Return what was written, in words."""
    map_, goes = as_map(thing), out.suffix.lower()
    if rows is not None:
        places = map_.locate(rows, "pyarrow")
        columns: dict[str, Any] = {name: places[name].to_numpy() for name in places.column_names}
        ids = ids_column(map_, rows, np.arange(rows.n_rows))
        named: dict[str, Any] = {free_name(ids.name, columns): ids}
        write_table(out, named | columns)
        return f"{counted(rows.n_rows, 'row')} on {map_.lattice.size_text}"
    if goes in TABLES:
        columns = unit_columns(map_)
        dates = {name: v.astype(str) for name, v in columns.items() if v.dtype.kind == "M"}
        write_table(out, columns | dates)
    else:
        MAP_WRITERS[goes](out, thing)
    has_more = isinstance(thing, Answering) and goes in TABLES
    kept = "; the file contains only the map, and cannot predict" if has_more else ""
    return f"{map_.lattice.size_text}, {counted(map_.codebook.shape[1], 'feature')}{kept}"
