"""Commands `report`, `info` and `convert`, which describe maps and convert files."""

from collections.abc import Callable, Sequence
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
from somscape.maps.map import Map, as_map
from somscape.outliers import AlertRule, Detector
from somscape.outliers.alerts import ids_of
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
OTHER_TABLES = (
    *(".tsv", ".txt", ".gz", ".bz2", ".zst"),
    *(ending for ending in (*ARROW_FILES, *WORKBOOKS) if ending not in TABLES),
)
MAP_WRITERS: dict[str, Callable[[Path, Saved], None]] = {
    ".som": lambda path, thing: thing.save(path),
    ".cod": save.write_cod,
    ".wts": save.write_wts,
    ".umx": save.write_umx,
    ".onnx": lambda path, thing: save.to_onnx(thing, path),
}
ROW_READERS: dict[str, Callable[[str], save.Samples]] = {
    **dict.fromkeys((".dat", ".data"), save.read_dat),
    ".lrn": save.read_lrn,
}
ROW_WRITERS: dict[str, Callable[[Path, Any], None]] = {
    ".dat": save.write_dat,
    ".lrn": save.write_lrn,
}
LISTS = (".bm", ".cls", ".umx")
"""Extensions of those input files that can only be converted to tables."""


def convert_file(source: str, out: Path, job: Job, conversion: Conversion, *, force: bool) -> None:
    """Convert a file to another format. The file extensions select the formats."""
    table, regions = conversion.table, conversion.regions
    check_result(None, out, source, table, conversion.winners, regions, force=force, name="OUT")
    came, goes = _ending(source), out.suffix.lower()
    is_table = came in (*TABLES, *OTHER_TABLES, *ROW_READERS, *LISTS)
    lists_winners = goes == ".bm" or (goes in TABLES and conversion.what == "winners")
    _check_conversion(source, out, conversion, is_table=is_table, lists_winners=lists_winners)
    with writing(out, force=force, name="OUT") as making:
        if goes in ROW_WRITERS:
            said = _write_rows(source, came, making, job)
        elif goes in TABLES and is_table:
            columns = _table(source, came, job)
            write_table(making, columns)
            said = _shape_words(len(next(iter(columns.values()))), len(columns))
        else:
            thing = _map(source, came, conversion)
            if regions is not None:
                thing = keep(thing, read(regions, as_map(thing)))
            rows = None
            if lists_winners and table is not None:
                rows = _rows_for(as_map(thing), table, job)
            said = _write_map(thing, making, conversion.what, rows)
    make_console(out).say(f"Wrote {out}: {said}.")


def _check_conversion(
    source: str, out: Path, asked: Conversion, *, is_table: bool, lists_winners: bool
) -> None:
    """Raise InputError if an option does not fit the formats of the two files."""
    goes, what, table = out.suffix.lower(), asked.what, asked.table
    known = (*MAP_WRITERS, *ROW_WRITERS, ".bm", *TABLES)
    if goes not in known:
        raise InputError(
            f"OUT is {out}, whose extension is not supported. Give OUT one of the extensions "
            f"{', '.join(known)}.",
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
    if table is not None and (is_table or not lists_winners):
        raise InputError(
            f"--table gives the rows for a list of best matching units, but {out} is not such a "
            "list. Leave --table out, or convert a map with --what winners.",
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
    if lists_winners and table is None and not is_table:
        raise InputError(
            f"{out} is a list of the best matching units of rows, but the rows are missing. Give "
            "them with --table TABLE.",
            parameter="table",
            file=out,
        )


def _ending(path: str) -> str:
    """Return the extension of a file. For a folder, return that of its first file."""
    return (paths_of(path)[0] if Path(path).is_dir() else Path(path)).suffix.lower()


def _write_rows(source: str, came: str, out: Path, job: Job) -> str:
    if came in ROW_READERS:
        rows: Any = ROW_READERS[came](source)
        shape = rows.values.shape
    elif came in (*TABLES, *OTHER_TABLES):
        rows = read_as(source, job, Roles())
        shape = rows.shape
    else:
        raise InputError(
            f"{source} does not contain rows of numbers, but a {out.suffix} file must contain "
            "them. Give a table, a .dat file or a .lrn file.",
            parameter="IN",
            file=source,
        )
    ROW_WRITERS[out.suffix.lower()](out, rows)
    return _shape_words(*shape)


def _shape_words(n_rows: int, n_columns: int) -> str:
    return f"{counted(n_rows, 'row')}, {counted(n_columns, 'column')}"


def _table(source: str, came: str, job: Job) -> dict[str, Any]:
    """Return the columns of a file to be converted, by column name."""
    if came == ".bm":
        return save.winners_columns(save.read_bm(source))
    if came == ".cls":
        classes = save.read_cls(source)
        names: Any = classes.numbers
        if classes.names:
            names = [classes.names.get(n, n) for n in classes.numbers.tolist()]
        return {"key": classes.keys, "class": names}
    if came == ".umx":
        heights = save.read_umx(source)
        rows, cols = np.divmod(np.arange(heights.size, dtype=np.int32), heights.shape[1])
        return {"row": rows, "col": cols, "height": heights.ravel()}
    is_rows = came in ROW_READERS
    table = ROW_READERS[came](source).to_table() if is_rows else read_as(source, job, Roles())
    return {column.name: column for column in table.columns}


def _map(source: str, came: str, asked: Conversion) -> Saved:
    boundary, kind, winners = asked.boundary, asked.lattice, asked.winners
    if came in (".wts", *TABLES, *OTHER_TABLES):
        given = {name: v for name, v in (("boundary", boundary), ("kind", kind)) if v is not None}
        if came == ".wts":
            record = save.read_wts(source, winners=winners, **given)
        else:
            record = save.read_codebook(source, **given)
        map_ = Map.from_record(record)
        if len(given) < 2:
            lattice = map_.lattice
            make_console(to_stderr=True).say(
                f"{source} does not contain the lattice of its units. The command uses "
                f"{lattice.kind}, {lattice.boundary} (change with --lattice and --boundary).",
            )
        return map_
    if boundary is not None or kind is not None or winners is not None:
        raise InputError(
            f"{source} already contains the lattice. Leave out --boundary, --lattice and "
            "--winners.",
            parameter="lattice",
            file=source,
        )
    if came in (*ROW_READERS, *LISTS):
        raise InputError(
            f"{source} does not contain a map. Give a map, such as map.som, map.cod or map.wts.",
            parameter="IN",
            file=source,
        )
    return load_model(source)


def _write_map(thing: Saved, out: Path, what: str | None, rows: Any) -> str:
    """Write a map, or the best matching units of rows. Return what was written, in words."""
    map_, goes = as_map(thing), out.suffix.lower()
    if rows is not None:
        matches = save.best_matches(map_, rows)
        if goes == ".bm":
            save.write_bm(out, matches)
        else:
            save.write_winners(out, matches, _ids(map_, rows))
        return f"{counted(len(matches.units), 'row')} on {map_.lattice.size_text}"
    if goes in TABLES:
        (save.write_codebook if what == "codebook" else save.write_planes)(out, map_)
    else:
        MAP_WRITERS[goes](out, thing)
    has_more = isinstance(thing, Answering) and goes not in (".som", ".onnx")
    kept = "; the file contains only the map, and cannot predict" if has_more else ""
    return f"{map_.lattice.size_text}, {counted(map_.codebook.shape[1], 'feature')}{kept}"


def _ids(map_: Map, rows: Any) -> dict[str, Sequence[str]] | None:
    """Return the ids of rows in a dict with the name of the id column, or None without ids."""
    if not isinstance(rows, Table) or map_.encoding.named("id") not in rows.names:
        return None
    name, ids = ids_of(map_, rows)
    return {free_name(name, ("unit", "row", "col", "distance")): ids}


def _rows_for(map_: Map, path: str, job: Job) -> Any:
    """Return the rows of a file as a table for a map. Files of other programs give an array."""
    came = _ending(path)
    if came not in ROW_READERS:
        return read_as(path, job, Roles())
    samples = ROW_READERS[came](path)
    missing = np.argwhere(np.isnan(samples.values))
    if len(missing) and map_.encoding.missing == "error":
        row, column = missing[0]
        raise InputError(
            f"{samples.to_table().where(row)}: a value is missing in column "
            f"'{samples.names[column]}', but this map needs complete rows. Fill in the value, or "
            "delete the row.",
            column=samples.names[column],
            row=int(row),
            file=path,
        )
    return samples.values
