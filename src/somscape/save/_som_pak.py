"""Read and write the formats .cod and .dat of SOM_PAK and the SOM Toolbox.

The first line of a file contains the number of values per row.  In a .cod file (a codebook), the
first line also contains the lattice, the size of the map and the neighborhood.  Each other line
contains the numbers and then the labels of a row or unit.  Units are in the same order as in
somscape.  On a hexagonal lattice, the odd rows of units are shifted right by half a step.  Lines
that start with # are comments.  The SOM Toolbox writes the names of the columns in a line that
starts with ``#n``.

T. Kohonen, J. Hynninen, J. Kangas and J. Laaksonen (1996), SOM_PAK: the self-organizing map program
package, report A31, Helsinki University of Technology, section 3.2.
"""

import warnings
from array import array
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from somscape.errors import InputError, ParameterError, SomscapeWarning
from somscape.maps.record import Record
from somscape.save.lines import (
    TEXT_BYTES,
    CodebookOrigin,
    GrowingTexts,
    Line,
    Rows,
    Samples,
    TextLines,
    codebook_of,
    feature_names,
    numbered_names,
    numbers_text,
    one_word,
    plain_record,
    record_of,
    samples_of,
    write_lines,
)

LATTICES = {"hexa": "hexagonal", "rect": "rectangular"}
NEIGHBORHOODS = ("bubble", "gaussian")

CUT = "If the file is incomplete, write or copy it again."


def read_cod(path: str | Path) -> Record:
    """Read a codebook of SOM_PAK or the SOM Toolbox.

    Parameters
    ----------
    path : str or Path
        Codebook file, usually with the extension ``.cod``.

    Returns
    -------
    Record
        A record that `Map.from_record` converts to a map on a plane.  All hits are 0, because the
        file does not contain hits.

    Raises
    ------
    InputError
        If the file is not a codebook in the .cod format.  The message names line and field.

    See Also
    --------
    write_cod, read_dat

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_cod(f"{folder}/map.cod", som)
    ...     found = save.read_cod(f"{folder}/map.cod")
    >>> found.arrays["codebook"].shape
    (2, 2)
    """
    file = TextLines(path)
    lines = _data_lines(file)
    first, words = next(((line, fields) for line, fields in lines if fields), (None, []))
    if first is None:
        raise InputError(
            f"{Path(path).name} is empty. A codebook starts with a line such as "
            "'4 hexa 12 8 gaussian'.",
            file=file.budget.source,
        )
    if len(words) != 5 or words[1].lower() not in LATTICES or words[4] not in NEIGHBORHOODS:
        raise first.error(
            "this line is not the header of a codebook. Give the dimension, hexa or rect, columns, "
            "rows, and bubble or gaussian, such as '4 hexa 12 8 gaussian'."
        )
    n_features, n_cols, n_rows = (
        first.whole(words[i], 1, i + 1, what)
        for i, what in ((0, "the dimension"), (2, "the columns"), (3, "the rows"))
    )
    budget = first.budget
    rows, labels, names = Rows(n_features, budget), GrowingTexts(budget), None
    for line, fields in lines:
        if line.text.startswith("#n"):
            names = _names(line, n_features)
        elif len(rows) == n_rows * n_cols:
            raise line.error(
                f"line {first.number} announces {n_rows * n_cols} prototypes, but more follow."
            )
        elif fields:
            rows.add(line.numbers(_enough(line, fields, n_features), may_miss=False))
            labels.add(len(rows) - 1, " ".join(fields[n_features:]))
            file.fill(rows, n_rows * n_cols)
    if len(rows) < n_rows * n_cols:
        raise first.error(
            f"the file must contain {n_cols} x {n_rows} prototypes, but contains {len(rows)}. {CUT}"
        )
    lattice = {"n_rows": n_rows, "n_cols": n_cols, "kind": LATTICES[words[1].lower()]}
    origin = CodebookOrigin(budget, "SOM_PAK", {"neighborhood": words[4]})
    lattice["boundary"] = "plane"
    return plain_record(
        rows.to_numpy(), lattice, origin, names=names, unit_labels=labels.texts(len(rows))
    )


def write_cod(path: str | Path, som: Any) -> None:
    """Write a map's codebook for SOM_PAK or the SOM Toolbox.

    Parameters
    ----------
    path : str or Path
        File to write.  An existing file is replaced only if writing succeeds.
    som : Map, fitted estimator or Record
        The map to write.  If the map was trained on a table, the file contains encoded prototypes.
        Spaces in feature names become underscores.

    Raises
    ------
    InputError
        If the lattice of the map is a graph.

    Warns
    -----
    SomscapeWarning
        If the map is a cylinder or torus, because the file cannot store the boundary.

    See Also
    --------
    read_cod, write_dat

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_cod(f"{folder}/map.cod", som)
    ...     print(save.read_cod(f"{folder}/map.cod").arrays["codebook"].shape)
    (2, 2)
    """
    record = record_of(som)
    lattice = flat_lattice(record, "SOM_PAK")
    topology = next(word for word, kind in LATTICES.items() if kind == lattice["kind"])
    stated = record.header["parameters"].get("neighborhood")
    neighborhood = stated if stated in NEIGHBORHOODS else "gaussian"
    codebook, labels = codebook_of(record), record.header.get("unit_labels", [])
    size = f"{lattice['n_cols']} {lattice['n_rows']}"

    def lines() -> Iterator[str]:
        yield f"{codebook.shape[1]} {topology} {size} {neighborhood}"
        yield "#n " + " ".join(map(one_word, feature_names(record)))
        for unit, prototype in enumerate(codebook):
            label = labels[unit].split() if labels else []
            yield " ".join([numbers_text(prototype, " "), *label])

    write_lines(path, lines())


def read_dat(path: str | Path) -> Samples:
    """Read rows of numbers of SOM_PAK or the SOM Toolbox.

    Parameters
    ----------
    path : str or Path
        Data file, usually with the extension ``.dat`` or ``.data``.  In the file, ``x`` and ``NaN``
        mean a missing value.  If the first line is not the number of values per row, it is read as
        a row.

    Returns
    -------
    Samples
        Rows with labels and weights.  Several labels of a row are joined by spaces.  A field
        ``weight=...`` is the weight of its row.  A field ``fixed=...`` is read as a label.

    Raises
    ------
    InputError
        If the file is not in the .dat format.  The message names line and field.

    See Also
    --------
    write_dat, read_cod

    Examples
    --------
    >>> import tempfile
    >>> from somscape import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_dat(f"{folder}/rows.dat", [[1.0, 2.0], [3.0, float("nan")]])
    ...     rows = save.read_dat(f"{folder}/rows.dat")
    >>> rows.values.tolist()
    [[1.0, 2.0], [3.0, nan]]
    """
    file = TextLines(path)
    budget, labels = file.budget, GrowingTexts(file.budget)
    rows: Rows | None = None
    weights = Rows(1, budget)
    pending, names = None, None
    for line, fields in _data_lines(file):
        if line.text.startswith("#n"):
            pending = line
            continue
        if rows is None:
            rows = Rows(_dimension(line, fields), budget)
            if len(fields) == 1 or fields[1].lower() in LATTICES:
                continue
        values = line.numbers(_enough(line, fields, rows.n_columns), may_miss=True)
        rows.add(values, [line.number])
        label, weight = _label_and_weight(line, fields, rows.n_columns)
        labels.add(len(rows) - 1, label)
        if weight != 1:
            weights.add(array("d", [1.0]) * (len(rows) - 1 - len(weights)))
            weights.add(array("d", [weight]))
        file.fill(rows, may_miss=True)
    if rows is None or not len(rows):
        raise InputError(
            f"{budget.source} is empty. Give a file with at least one row of numbers.",
            file=budget.source,
        )
    if pending is not None:
        names = _names(pending, rows.n_columns)
    if len(weights):
        weights.add(array("d", [1.0]) * (len(rows) - len(weights)))
    return Samples(
        rows.to_numpy(),
        names or numbered_names(rows.n_columns, budget),
        tuple(labels.texts(len(rows))) or None,
        None,
        weights.to_numpy().ravel() if len(weights) else None,
        budget.source,
        rows.lines.first(len(rows)),
    )


def write_dat(path: str | Path, X: Any, *, missing: str = "x") -> None:
    """Write rows of numbers for SOM_PAK or the SOM Toolbox.

    Parameters
    ----------
    path : str or Path
        File to write.  An existing file is replaced only if writing succeeds.
    X : Samples, Table, Source or array-like of shape (n, d)
        Rows of numbers, with NaN for a missing value.
    missing : {"x", "NaN"}, default="x"
        Text for a missing value.  SOM_PAK expects x, and the SOM Toolbox expects NaN.

    Raises
    ------
    InputError
        If a value is neither a finite number nor NaN.

    See Also
    --------
    read_dat, write_cod

    Examples
    --------
    >>> import tempfile
    >>> from somscape import save
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_dat(f"{folder}/rows.dat", [[1.0, 2.0], [3.0, float("nan")]])
    ...     print(Path(folder, "rows.dat").read_text())
    2
    #n x0 x1
    1.0 2.0
    3.0 x
    """
    if missing not in ("x", "NaN"):
        raise ParameterError(
            f"`missing` must be 'x' or 'NaN', but is {missing!r}.",
            value=missing,
            allowed=("x", "NaN"),
        )
    samples = samples_of(X)
    labels, weights = samples.labels, samples.weights

    def lines() -> Iterator[str]:
        yield str(samples.values.shape[1])
        yield "#n " + " ".join(map(one_word, samples.names))
        for i, row in enumerate(samples.values):
            words = [numbers_text(row, " ", missing)]
            if labels is not None:
                words += labels[i].split()
            if weights is not None and weights[i] != 1:
                words.append(f"weight={float(weights[i])!r}")
            yield " ".join(words)

    write_lines(path, lines())


def flat_lattice(record: Record, program: str) -> dict[str, Any]:
    """Return the lattice of a record, for a program that cannot store cylinders and tori."""
    lattice: dict[str, Any] = record.header["lattice"]
    if lattice["kind"] == "graph":
        raise InputError(
            f"{program} supports only maps of rows and columns, but this map is on a graph.",
            value="graph",
        )
    if lattice["boundary"] != "plane":
        warnings.warn(
            f"A file of {program} cannot store that this map is a {lattice['boundary']}. The map "
            "will be read as a plane.",
            SomscapeWarning,
            stacklevel=3,
        )
    return lattice


def _data_lines(lines: TextLines) -> Iterator[tuple[Line, list[str]]]:
    """Yield each data line with its fields, and the comment that contains the column names."""
    for line in lines:
        if line.text.startswith("#"):
            if line.text[:3] in ("#n ", "#n\t"):
                yield line, []
        else:
            yield line, line.fields()


def _names(line: Line, n_features: int) -> tuple[str, ...]:
    names = tuple(line.fields()[1:])
    line.budget.take(TEXT_BYTES * len(names), "the names of its components")
    if len(names) != n_features:
        raise line.error(
            f"{n_features} components need {n_features} names, but the line has {len(names)}."
        )
    if len(set(names)) < n_features:
        raise line.error("two components have the same name. Give different names.")
    return names


def _enough(line: Line, fields: list[str], n_features: int) -> list[str]:
    if len(fields) < n_features:
        raise line.error(
            f"the dimension is {n_features}, but the line has {len(fields)} fields. {CUT}"
        )
    return fields[:n_features]


def _dimension(line: Line, fields: list[str]) -> int:
    """Return the number of values per row, from the first line, which can also be a row."""
    if len(fields) == 1 or fields[1].lower() in LATTICES:
        return line.whole(fields[0], 1, 1, "the dimension")
    n_numbers = next((i for i, f in enumerate(fields) if not _is_value(f)), len(fields))
    if n_numbers == 0:
        raise line.error(
            f"{fields[0]!r} is neither the dimension nor a number. Start with the dimension, such "
            "as 4.",
            1,
            fields[0],
        )
    return n_numbers


def _is_value(text: str) -> bool:
    try:
        return text.lower() in ("x", "nan") or isfinite(float(text))
    except ValueError:
        return False


def _label_and_weight(line: Line, fields: list[str], n_features: int) -> tuple[str, float]:
    weight, words = 1.0, []
    for field, word in enumerate(fields[n_features:], n_features + 1):
        if word.startswith("weight="):
            text = word.removeprefix("weight=")
            (weight,) = line.numbers([text], may_miss=False, places=[field - 1])
            if weight < 0:
                raise line.error(f"a weight must be at least 0, but is {weight}.", field, weight)
        else:
            words.append(word)
    return " ".join(words), weight
