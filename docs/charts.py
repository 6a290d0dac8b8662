"""Makes the charts and the tables of `comparison.md` from the benchmarks' records.

    python docs/charts.py    writes the tables into docs/comparison.md anew

The site's build draws the charts.  A record without a table that is needed here ends both.
"""

import math
import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from losses import lost
from records import Record, number, plain, table

PAGE = Path(__file__).parent / "comparison.md"
MARKED = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
PROBLEMS = ("article-online", "article-batch", "digits", "clusters", "pixels", "many-rows")
LARGE = ("large-map", "sparse")
PEERS = ("fastersom", "XPySom", "python-som", "torchsom", "numbasom", "MiniSom", "Somoclu")
SETTINGS = {
    "minisom-passes": "MiniSom, its defaults, 10 passes",
    "minisom-readme": "MiniSom, its README's 100 steps",
    "xpysom": "XPySom, its defaults",
    "fastersom": "fastersom, its defaults",
    "somoclu": "Somoclu, its defaults",
    "minisom-article": "MiniSom, the article's settings",
    "xpysom-article": "XPySom, the article's settings",
    "fastersom-article": "fastersom, the article's settings",
    "somoclu-article": "Somoclu, the article's settings",
}
DETECTORS = ("somscape", "IForest", "KNN", "LOF", "ECOD", "COPOD", "HBOS", "PCA", "MCD", "OCSVM")
DETECTORS += ("CBLOF", "INNE")
BOTH = "KNN + ECOD"
"""The sum of two peers' ranks, which only the tables have."""
WIDTH, LEFT, ROW, TOP = 340, 122, 22, 8


# The records, as the page and the charts need them


def times(problem: str) -> dict[str, float]:
    """Return how many times our time each library takes on a problem."""
    found = table("README.md", problem).by("x somscape")
    named = {name.rpartition(" ")[0]: number(cell) for name, cell in found.items()}
    if named.get("somscape") != 1:
        raise SystemExit(f"benchmarks/README.md, {problem!r}: our own time is not 1")
    return named


def shown(value: float) -> str:
    """Return a value to three digits."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def extrapolated(problem: str) -> set[str]:
    """Return the libraries that did only a share of a problem, from which their time follows."""
    found = table("README.md", problem)
    if "share timed" not in found.columns:
        return set()
    shares = found.by("share timed")
    return {name.rpartition(" ")[0] for name, share in shares.items() if share}


def speed() -> tuple[list[str], list[list[str]]]:
    """Return times by problem and library, with a star where a share of the work was timed."""
    peers = (*PEERS, "sparse-som", "faiss", "scikit-learn k-means")
    titles = ["problem", *peers[:-2], "k-means of faiss", "k-means of scikit-learn"]
    rows = []
    for problem in (*PROBLEMS, *LARGE):
        found, starred = times(problem), extrapolated(problem)
        cells = {peer: shown(value) + " *" * (peer in starred) for peer, value in found.items()}
        rows.append([problem, *(cells.get(peer, "") for peer in peers)])
    return titles, rows


def quality() -> tuple[list[str], list[list[str]]]:
    """Return by how much our QE is lower at the peers' TE."""
    found = table("defaults/README.md", "Our QE at the peer's TE")
    mean, least = found.row("mean"), found.row("least")
    rows = [[title, mean[name], least[name]] for name, title in SETTINGS.items()]
    return ["peer", "QE lower by, mean of 12 tables, %", "least, %"], rows


def mean_of_sets(title: str, row: str) -> dict[str, str]:
    """Return a row of the table of the sixteen sets, by method."""
    found = table("detection/README.md", title).row(row)
    return {method: plain(found[method]) for method in DETECTORS}


def detection() -> tuple[list[str], list[list[str]]]:
    """Return how well unusual rows are ranked, by detector."""
    header, columns = ["detector"], []
    for name, title in (("all rows", "unsupervised"), ("normal rows", "semi-supervised")):
        header += [f"16 sets, {name}: AUROC", "mean rank"]
        columns += [
            mean_of_sets(f"AUROC, {title}, percent", row) for row in ("mean, all", "mean rank, all")
        ]
    for name, title in (("all rows", "unsupervised"), ("normal rows", "clean")):
        header += [f"64 tables, {name}: AUROC", "average precision"]
        found = table("detection/README.md", f"64 tables, {title}, reporting half")
        columns += [found.by("AUROC"), found.by("average precision")]
    methods = (*DETECTORS, BOTH)
    return header, [[method, *(column.get(method, "") for column in columns)] for method in methods]


def recognition() -> tuple[list[str], list[list[str]]]:
    """Return how often classes are named rightly, by set and method."""
    found = table("recognition/README.md", "Accuracy (%)")
    return found.columns, found.rows


def torchsom() -> tuple[list[str], list[list[str]]]:
    """Return torchsom's published cases, and what was measured here."""
    found = table("torchsom_cases.md", "The twelve cases of torchsom's paper")
    return found.columns, found.rows


TABLES: dict[str, Callable[[], tuple[list[str], list[list[str]]]]] = {
    made.__name__: made for made in (speed, quality, detection, recognition, torchsom, lost)
}


def with_tables(text: str) -> str:
    """Return the text of the page with the tables as the records have them now."""

    def filled(found: re.Match[str]) -> str:
        made = TABLES[found[2]]
        header, rows = made()
        rule = ["---"] + ["---" if made is lost else "---:"] * (len(header) - 1)
        lines = [f"| {' | '.join(line)} |" for line in (header, rule, *rows)]
        return f"{found[1]}\n" + "\n".join(lines) + f"\n\n{found[4]}"

    return MARKED.sub(filled, text)


# Charts


def bars(title: str, values: dict[str, float], *, ends: Sequence[float], unit: str) -> str:
    """Return a chart of bars; if it begins above 0, on a scale of powers of ten."""
    low, high = ends
    is_log = low > 0
    room = WIDTH - LEFT - 52
    parts = []
    for i, (name, value) in enumerate(values.items()):
        share = math.log(value / low) / math.log(high / low) if is_log else value / high
        y = TOP + i * ROW
        width = max(1.5, min(1, share) * room)
        ours = ' class="ours"' if name == "somscape" else ""
        parts.append(
            f'<g{ours}><text x="{LEFT - 6}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LEFT}" y="{y + 2}" width="{width:.1f}" height="{ROW - 7}"/>'
            f'<text x="{LEFT + width + 5:.1f}" y="{y + 13}">{shown(value)}</text></g>'
        )
    said = "; ".join(f"{name} {shown(value)}" for name, value in values.items())
    height = TOP + len(values) * ROW + 2
    return (
        f'<div class="panel"><p>{escape(title)}</p><svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}, {escape(unit)}: {escape(said)}">{"".join(parts)}</svg></div>'
    )


def maps_of(record: Record) -> list[tuple[str, float, float, str]]:
    """Return library, TE, QE and settings of each map, but those far above all others."""
    columns = map(record.column, ("map", "TE", "QE", "settings"))
    return [
        (name, number(te), number(qe), said)
        for name, te, qe, said in zip(*columns, strict=True)
        if "100 steps" not in said
    ]


def curve(record: Record) -> str:
    """Return QE against TE: our curve over the final radius, and the peers' maps as points."""
    maps = maps_of(record)
    right = math.ceil(10 * max(te for _, te, _, _ in maps)) / 10
    low, high = min(qe for _, _, qe, _ in maps), max(qe for _, _, qe, _ in maps)

    def place(te: float, qe: float) -> tuple[float, float]:
        return 44 + 280 * te / right, 28 + 180 * (high - qe) / (high - low)

    ours = [place(te, qe) for name, te, qe, _ in maps if name == "somscape"]
    parts = [f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in ours)}"/>']
    for i, (name, te, qe, said) in enumerate(maps):
        kind = "ours" if name == "somscape" else "peer"
        x, y = place(te, qe)
        parts.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4">'
            f"<title>{escape(name)}, {escape(said)}: TE {te}, QE {qe}</title></circle>"
        )
        if kind == "peer":
            y += 17 if i % 2 else -7
            side = "end" if x > WIDTH - 40 else "middle"
            parts.append(
                f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{side}">{escape(name)}</text>'
            )
    for (x, y), (te, qe) in zip((ours[0], ours[-1]), ends(maps), strict=True):
        parts.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}">QE {qe:.1f}, TE {te:.3f}</text>')
    title = "QE and TE of maps of 5,000 digits"
    label = f"{title}: at each peer's TE, or below it, a map of somscape's curve has the lower QE."
    return (
        f'<div class="panel wide"><p>{title}</p><svg viewBox="0 0 {WIDTH} 240" role="img" '
        f'aria-label="{label}">{axes(right, low, high)}{"".join(parts)}</svg></div>'
    )


def ends(maps: Sequence[tuple[str, float, float, str]]) -> list[tuple[float, float]]:
    """Return TE and QE at both ends of our curve."""
    ours = [(te, qe) for name, te, qe, _ in maps if name == "somscape"]
    return [ours[0], ours[-1]]


def axes(right: float, low: float, high: float) -> str:
    """Return the axes of the curve, with a number at each end."""
    below = 'y="226" text-anchor="middle">'
    beside = 'x="38" text-anchor="end"'
    return (
        '<path d="M44 14V214H330"/>'
        f'<text x="44" {below}0</text><text x="324" {below}{right:g}</text>'
        f'<text x="184" {below}TE, share of rows</text><text {beside} y="14">QE</text>'
        f'<text {beside} y="32">{high:.1f}</text><text {beside} y="212">{low:.1f}</text>'
    )


def figure(panels: Sequence[str], caption: str) -> str:
    """Return charts side by side where there is room."""
    return (
        f'<figure class="chart"><div class="panels">{"".join(panels)}</div>'
        f"<figcaption>{caption}</figcaption></figure>\n"
    )


def sorted_by_value(values: dict[str, float], *, falling: bool = False) -> dict[str, float]:
    """Return values in order."""
    return dict(sorted(values.items(), key=lambda item: item[1], reverse=falling))


def of_speed() -> str:
    """Return the charts of times."""
    panels = []
    for problem in ("article-online", "clusters", "pixels", "many-rows", "large-map", "sparse"):
        found = times(problem)
        libraries = ("somscape", *PEERS, "sparse-som")
        ordered = sorted_by_value({name: found[name] for name in libraries if name in found})
        panels.append(bars(problem, ordered, ends=(0.7, 1500), unit="times our time"))
    return figure(panels, "Time, as multiples of ours; each bar's scale is in powers of ten.")


def of_detection() -> str:
    """Return the charts of detectors."""
    panels = []
    for name, title in (
        ("unsupervised", "learned from all rows"),
        ("semi-supervised", "from half of the normal rows"),
    ):
        found = mean_of_sets(f"AUROC, {name}, percent", "mean, all")
        values = sorted_by_value({m: number(cell) for m, cell in found.items()}, falling=True)
        panels.append(bars(title, values, ends=(0, 100), unit="mean AUROC of 16 sets, percent"))
    return figure(panels, "Mean AUROC (%) over sixteen labelled sets; chance is 50.")


def of_recognition() -> str:
    """Return the chart of classifiers, on the sets that all of them were run on."""
    found = table("recognition/README.md", "Accuracy (%)")
    sets = [row for row in found.rows if "-" not in row[1:] and not row[0].startswith("mean")]
    means = {
        method: sum(number(row[i]) for row in sets) / len(sets)
        for i, method in enumerate(found.columns)
        if i
    }
    panel = bars(
        f"{len(sets)} sets",
        sorted_by_value(means, falling=True),
        ends=(0, 100),
        unit="mean accuracy, percent",
    )
    named = ", ".join(row[0] for row in sets)
    return figure([panel], f"Mean accuracy (%) on the sets that all were run on: {named}.")


def draw(folder: Path) -> None:
    """Write all charts into a folder."""
    trade = curve(table("defaults/README.md", "mnist"))
    pages = {
        "speed": of_speed(),
        "trade_off": figure(
            [trade], "One table, many maps: each point of the curve has another final radius."
        ),
        "detection": of_detection(),
        "recognition": of_recognition(),
    }
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
