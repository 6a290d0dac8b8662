"""`convert`: maps and rows from one program's files to another's."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from somscape import save
from somscape.cli._console import make_console, say
from somscape.cli._out import check_file, writing
from somscape.errors import InputError
from somscape.jobs import READING
from somscape.maps import Map, as_map
from somscape.outliers import ids_of
from somscape.recognize import Answering
from somscape.regions import keep, read
from somscape.tables import (
    ARROW_FILES,
    WORKBOOKS,
    Table,
    counted,
    free_name,
    paths_of,
    read_table,
    write_table,
)

TABLES = (".csv", ".parquet", ".xlsx")
OTHER_TABLES = (
    *(".tsv", ".txt", ".gz", ".bz2", ".zst"),
    *(ending for ending in (*ARROW_FILES, *WORKBOOKS) if ending not in TABLES),
)
MAP_WRITERS: dict[str, Callable[[Path, save.Saved], None]] = {
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
FILES = ("table", "winners", "regions")
"""Options that name a file."""

LISTS = (".bm", ".cls", ".umx")
"""Read as tables only: a map or its rows cannot be made of them."""


def convert_file(source: str, out: Path, **options: Any) -> None:
    """Write in one format what was read in another; the endings of the names say which."""
    inputs = [path for path in (source, *map(options.get, FILES)) if path is not None]
    check_file(out, *inputs, options=options, name="OUT")
    came, goes = _ending(source), out.suffix.lower()
    known = (*MAP_WRITERS, *ROW_WRITERS, ".bm", *TABLES)
    if goes not in known:
        raise InputError(f"{out}: the name of the result must end in one of {', '.join(known)}.")
    is_table = came in (*TABLES, *OTHER_TABLES, *ROW_READERS, *LISTS)
    if options["what"] is not None and (is_table or goes not in TABLES):
        raise InputError(
            f"--what says what a .csv, .xlsx or .parquet of a map holds, and {out} is none. Leave "
            "it out, or give OUT such an ending."
        )
    lists_winners = goes == ".bm" or (goes in TABLES and options["what"] == "winners")
    if options["table"] is not None and (is_table or not lists_winners):
        raise InputError(
            f"--table gives the rows whose winners are written, and {out} lists none. Leave it "
            "out, or convert a map with --what winners."
        )
    if options["regions"] is not None and goes != ".som":
        raise InputError(
            f"--regions gives what a .som keeps, and {out} is none. Leave it out, or give OUT such "
            "an ending."
        )
    if lists_winners and options["table"] is None and not is_table:
        raise InputError(f"{out} needs the rows whose winners it lists; give --table TABLE.")
    with writing(out, force=options["force"], name="OUT") as making:
        if goes in ROW_WRITERS:
            said = _write_rows(source, came, making, options)
        elif goes in TABLES and is_table:
            said = _write_table(_table(source, came, options), making)
        else:
            thing = _map(source, came, options)
            if options["regions"] is not None:
                thing = keep(thing, read(options["regions"], as_map(thing)))
            said = _write_map(thing, making, options)
    say(make_console(), f"Wrote {out}: {said}.")


def _write_table(columns: dict[str, Any], out: Path) -> str:
    write_table(out, columns)
    n_rows = len(next(iter(columns.values())))
    return f"{counted(n_rows, 'row')}, {counted(len(columns), 'column')}"


def _ending(path: str) -> str:
    """Return how a name ends, or those of the files in a folder."""
    return (paths_of(path)[0] if Path(path).is_dir() else Path(path)).suffix.lower()


def _write_rows(source: str, came: str, out: Path, options: dict[str, Any]) -> str:
    if came in ROW_READERS:
        rows: Any = ROW_READERS[came](source)
        shape = rows.values.shape
    elif came in (*TABLES, *OTHER_TABLES):
        rows = _read_table(source, options)
        shape = rows.shape
    else:
        raise InputError(f"{source} holds no rows of numbers, which a {out.suffix} file needs.")
    ROW_WRITERS[out.suffix.lower()](out, rows)
    return f"{counted(shape[0], 'row')}, {counted(shape[1], 'column')}"


def _table(source: str, came: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of whatever is a table."""
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
    table = (
        ROW_READERS[came](source).to_table()
        if came in ROW_READERS
        else _read_table(source, options)
    )
    return {column.name: column for column in table.columns}


def _read_table(path: str, options: dict[str, Any]) -> Table:
    return read_table(path, **{name: options[name] for name in READING})


def _map(source: str, came: str, options: dict[str, Any]) -> save.Saved:
    boundary, kind, winners = options["boundary"], options["lattice"], options["winners"]
    if came in (".wts", *TABLES, *OTHER_TABLES):
        given = {name: v for name, v in (("boundary", boundary), ("kind", kind)) if v is not None}
        if came == ".wts":
            record = save.read_wts(source, winners=winners, **given)
        else:
            record = save.read_codebook(source, **given)
        map_ = Map.from_record(record)
        if len(given) < 2:
            lattice = map_.lattice
            say(
                make_console(to_stderr=True),
                f"{source} does not say how its units lie; taken as {lattice.kind}, "
                f"{lattice.boundary} (--lattice and --boundary say otherwise).",
            )
        return map_
    if boundary is not None or kind is not None or winners is not None:
        raise InputError(
            f"{source} already says how its units lie; leave out --boundary, --lattice and "
            "--winners."
        )
    if came in (*ROW_READERS, *LISTS):
        raise InputError(f"{source} holds no map; give one, such as map.som, map.cod or map.wts.")
    return save.load(source)


def _write_map(thing: save.Saved, out: Path, options: dict[str, Any]) -> str:
    map_, goes, what = as_map(thing), out.suffix.lower(), options["what"]
    if goes == ".bm" or (goes in TABLES and what == "winners"):
        rows = _rows_for(map_, options["table"], options)
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
    kept = "; the map alone, without what it learned to predict" if has_more else ""
    return f"{map_.lattice.size_text}, {counted(map_.codebook.shape[1], 'feature')}{kept}"


def _ids(map_: Map, rows: Any) -> dict[str, Sequence[str]] | None:
    """Return the column that names the rows, where the map knows of one."""
    if not isinstance(rows, Table) or map_.encoding.named("id") not in rows.names:
        return None
    name, ids = ids_of(map_, rows)
    return {free_name(name, ("unit", "row", "col", "distance")): ids}


def _rows_for(map_: Map, path: str, options: dict[str, Any]) -> Any:
    """Return rows for a map: values of another program's file, or a table."""
    came = _ending(path)
    if came not in ROW_READERS:
        return _read_table(path, options)
    samples = ROW_READERS[came](path)
    missing = np.argwhere(np.isnan(samples.values))
    if len(missing) and map_.encoding.missing == "error":
        row, column = missing[0]
        raise InputError(
            f"{samples.to_table().where(row)}, column '{samples.names[column]}': a missing value, "
            "which this map does not support. Fill it in, or leave the row out."
        )
    return samples.values
