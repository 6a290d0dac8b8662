"""Where on a map classes meet, and where rows are named wrongly."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from somscape._types import Ints
from somscape._validate import is_missing
from somscape.errors import InputError
from somscape.maps import NO_UNIT, Map, as_map
from somscape.plots._cells import draw_borders, draw_cells
from somscape.plots._classes import ClassCounts, Classes, classes_of, require_rows
from somscape.plots._display import Display
from somscape.plots._legend import class_entries, hatch_cells
from somscape.plots._picture import Picture
from somscape.plots._pies import draw_pies
from somscape.plots._style import empty_color, faint_line, ink, paled, paper
from somscape.recognize import Recognizer, recognizer_in

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FILL, _FILL_WITHOUT_ROWS = 0.45, 0.16
"""Of the color of a class, in a cell; pies have all of it."""

_MIN_COUNTED = 17.0
"""Narrower cells, in points, have no room for a number."""


def confusion_map(
    map: Any,
    X: Any,
    y: Any,
    *,
    y_name: str = "",
    max_classes: int = 12,
    highlight: Any = None,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
) -> Display:
    """Show which class each unit stands for, and which rows are named wrongly.

    A cell has the color of its class, pale where no row lies; thick lines are the borders of
    classes.  A pie is of the rows of a unit that are named wrongly, in the colors of what they are,
    with their number.

    Parameters
    ----------
    map : SOMClassifier, Recognizer or Map
        A classifier names each row.  A map without classes names all rows of a unit by the class
        that most of them have.
    X : Table, data frame or array-like of shape (n_samples, n_features)
        Rows, best those that were not trained on.
    y : array-like of shape (n_samples,)
        The class of each row; rows with None or NaN do not count.  Rows of a class that the
        classifier does not know are named wrongly.
    y_name : str, default=""
        Title of the legend.
    max_classes : int, default=12
        As for `plots.majority`.
    highlight, unit_size, ax : optional
        As for `plots.values`.

    Returns
    -------
    Display
        Its ``drawn_`` holds the ``"classes"``, the class that each unit ``"stands_for"`` as a place
        in ``"classes"``, -1 for none, the ``"counts"`` of rows and the ``"mistakes"`` among them by
        unit and true class, of shape (n_units, n_classes), the ``"confusion"`` of shape (n_classes,
        n_classes), true by named, how many rows were ``"refused"`` (`SOMClassifier`'s ``reject``),
        which are no mistakes, and both ends of each side of the ``"borders"``.

    Raises
    ------
    InputError
        For another number of labels than rows, or no label at all.
    TypeError
        For what has no map, or an `ax` that is no axes.

    See Also
    --------
    majority, somscape.SOMClassifier

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMClassifier, plots
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
    >>> classifier = SOMClassifier(random_state=0).fit(X[:200], y[:200])
    >>> display = plots.confusion_map(classifier, X[200:], y[200:])
    >>> n_wrong = int((classifier.predict(X[200:]) != y[200:]).sum())
    >>> int(display.drawn_["mistakes"].sum()) == n_wrong
    True
    """
    recognizer = recognizer_in(map)
    picture = Picture(recognizer or as_map(map), ax=ax, unit_size=unit_size, has_legend=True)
    lattice = picture.map.lattice
    found = _found(recognizer, picture.map, X, y, max_classes)
    names = found.classes.names
    entries = class_entries(names, found.classes.n_others)
    has_rows = found.counts.sum(axis=1) > 0
    colors = [
        empty_color() if i < 0 else paled(entries[i].color, _FILL if b else _FILL_WITHOUT_ROWS)
        for i, b in zip(found.stands_for, has_rows, strict=True)
    ]
    draw_cells(picture.ax, lattice, colors=colors, edge=faint_line())
    hatch_cells(picture.ax, lattice, found.stands_for, len(names), level=2)  # below pies
    borders = draw_borders(picture.ax, lattice, found.stands_for)
    picture.add(highlight=highlight)
    picture.legend(entries, y_name)
    draw_pies(picture.ax, lattice, ClassCounts(names, found.mistakes, found.classes.n_others))
    if picture.step() >= _MIN_COUNTED:
        _write_counts(picture, found.mistakes.sum(axis=1))
    picture.drawn |= {
        "classes": tuple(entry.name for entry in entries),
        "stands_for": found.stands_for,
        "counts": found.counts,
        "mistakes": found.mistakes,
        "confusion": found.confusion,
        "refused": found.n_refused,
        "borders": borders,
    }
    n, n_wrong = int(found.confusion.sum()), int(found.mistakes.sum())
    refused = f", {found.n_refused:,} refused" if found.n_refused else ""
    return picture.done(f"{n_wrong:,} of {n:,} rows wrong{refused}")


class _Found(NamedTuple):
    """What rows are, and what they are named, by unit."""

    classes: Classes
    stands_for: Ints
    counts: Ints
    mistakes: Ints
    confusion: Ints
    n_refused: int


def _found(recognizer: Recognizer | None, map_: Map, X: Any, y: Any, max_classes: int) -> _Found:
    require_rows(X)
    units = map_.winners(X)
    n = len(units)
    if y is None or all(is_missing(label) for label in np.asarray(y, dtype=object).ravel()):
        raise InputError("`y` has no class of any row. Give the true class of at least one.")
    classes_of(y, n, max_classes)  # or says what is wrong with y
    texts = _texts(np.asarray(y, dtype=object).ravel(), recognizer)
    if recognizer is None:
        known, stands_for = _majorities(units, texts, map_.n_units)
        named = [known[i] if i >= 0 else None for i in stands_for[units]]
    else:
        known, stands_for = _texts(recognizer.classes, recognizer), recognizer.shares.argmax(axis=1)
        named = _texts(recognizer.predict(X), recognizer)
    classes = classes_of([*texts, *known], n + len(known), max_classes)
    true, places = classes.places[:n], classes.places[n:]
    place = dict(zip(known, places.tolist(), strict=True))
    is_labelled = (units != NO_UNIT) & (true >= 0)
    is_named = np.array([name is not None for name in named])
    counted = np.flatnonzero(is_labelled & is_named)
    is_wrong = np.array([texts[i] != named[i] for i in counted], dtype=bool)
    n_all = len(classes.names) + (classes.n_others > 0)
    confusion = np.zeros((n_all, n_all), dtype=np.intp)
    np.add.at(confusion, (true[counted], [place[named[i]] for i in counted]), 1)
    counts, mistakes = (np.zeros((map_.n_units, n_all), dtype=np.intp) for _ in range(2))
    np.add.at(counts, (units[counted], true[counted]), 1)
    wrong = counted[is_wrong]
    np.add.at(mistakes, (units[wrong], true[wrong]), 1)
    shown = np.where(stands_for >= 0, places[stands_for], -1)
    return _Found(classes, shown, counts, mistakes, confusion, int((is_labelled & ~is_named).sum()))


def _texts(labels: NDArray[Any], recognizer: Recognizer | None) -> list[str | None]:
    """Return labels as texts, None for none: a class of a classifier as the classifier has it."""
    known = {} if recognizer is None else {one: str(one) for one in recognizer.classes.tolist()}
    return [
        None if is_missing(label) else known.get(label, str(label)) for label in labels.tolist()
    ]


def _majorities(
    units: Ints, texts: list[str | None], n_units: int
) -> tuple[list[str | None], Ints]:
    """Return the classes of rows, and the one that most rows of each unit have, -1 without rows."""
    there = np.array([text is not None for text in texts]) & (units != NO_UNIT)
    names, codes = np.unique(
        [text for text, b in zip(texts, there, strict=True) if b], return_inverse=True
    )
    counts = np.zeros((n_units, len(names)), dtype=np.intp)
    np.add.at(counts, (units[there], codes), 1)
    return names.tolist(), np.where(counts.any(axis=1), counts.argmax(axis=1), -1)


def _write_counts(picture: Picture, n_mistakes: Ints) -> None:
    from matplotlib.patheffects import withStroke

    size = float(np.clip(0.25 * picture.step(), 5, 12))
    halo = [withStroke(linewidth=0.25 * size, foreground=paper())]
    for unit in np.flatnonzero(n_mistakes):
        x, y = picture.map.lattice.positions[unit]
        text = picture.ax.text(x, y, f"{n_mistakes[unit]:,}", fontsize=size, color=ink(), zorder=6)
        text.set(ha="center", va="center", path_effects=halo)
