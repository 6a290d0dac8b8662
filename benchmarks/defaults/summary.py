"""Goals and tables of the comparison of defaults, from the record of a run."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean, median

from markdown_tables import markdown
from measure import Result, qe_at
from peers import PEERS

MAX_TE, MIN_SETS = 0.10, 10
MEAN_LOWER, MAX_HIGHER, MAX_EXCESS = 3.0, 1.0, 3.0
TIMES_FASTER, PIXELS_QE, PIXELS_TE, PIXELS_TIMES = 5.0, 3.85, 0.05, 4.0
MARKS = {"": "", "above": " >", "below": " <"}
OURS, ON_RECTANGLE = "somscape", "somscape, rectangular"

CHOICES: dict[str, Callable[[Result, int], bool]] = {
    "pca": lambda trial, side: trial["init"] == "pca",
    "sample": lambda trial, side: trial["init"] == "sample",
    "random": lambda trial, side: trial["init"] == "random",
    "epochs to 12": lambda trial, side: trial["n_epochs"] <= 12,
    "to 26": lambda trial, side: 12 < trial["n_epochs"] <= 26,
    "to 60": lambda trial, side: trial["n_epochs"] > 26,
    "start to side / 8": lambda trial, side: trial["radius_start"] <= side / 8,
    "to side / 4": lambda trial, side: side / 8 < trial["radius_start"] <= side / 4,
    "to side / 2": lambda trial, side: trial["radius_start"] > side / 4,
}
"""What the random search draws, cut into parts."""

Cell = tuple[float, str, bool]


def compared(result: Result, key: str) -> Cell | None:
    """Return by how many percent our QE is lower than a peer's at its TE, median over the seeds.

    With the side of our curve where the peer lies, of the first seed that leaves it, and whether
    the peer was cut short; None where the peer was not measured.
    """
    peer_results = result.get("peers", {}).get(key)
    if not peer_results:
        return None
    lower, sides = [], []
    for peer in peer_results:
        ours, side = qe_at(result["curve"], peer["te"], result["n_samples"])
        lower.append(100 * (1 - ours / peer["qe"]))
        sides.append(side)
    is_cut = any(peer["cut"] for peer in peer_results)
    return median(lower), next((side for side in sides if side), ""), is_cut


def excess(result: Result) -> float | None:
    """Return the percent of QE that our default lies above the search's best, median."""
    values = [
        100 * (found["default"]["qe"] / found["best"]["qe"] - 1) if found["best"] else 0.0
        for found in result.get("search", [])
    ]
    return median(values) if values else None


def best_peer(rounds: list[Result]) -> str:
    """Return the batch peer of the lowest quantization error on a timed problem."""
    peers = [name for name in in_every(rounds) if not name.startswith(OURS)]
    return min(peers, key=lambda name: middle(rounds, name, "qe"))


def in_every(rounds: list[Result]) -> list[str]:
    """Return the libraries that no round left out for their time."""
    return [name for name in rounds[0] if all(name in results for results in rounds)]


def middle(rounds: list[Result], name: str, key: str) -> float:
    """Return the median of a figure of one library over the rounds."""
    return median(results[name][key] for results in rounds)


def times_faster(rounds: list[Result], peer: str, ours: str) -> float:
    """Return how many times our seconds a peer takes, median of the ratios within a round."""
    return median(results[peer]["seconds"] / results[ours]["seconds"] for results in rounds)


def goal_rows(record: Result) -> list[list[str]]:
    """Return the table of goals."""
    return [*_te_goals(record), *_peer_goals(record), *_search_goal(record), *_time_goals(record)]


def _goal(claim: str, measured: str, is_met: bool) -> list[str]:
    return [claim, measured, "yes" if is_met else "**no**"]


def _te_goals(record: Result) -> list[list[str]]:
    sets = record["sets"]
    rows = []
    for kind, neighbors in (("rectangular", 8), ("hexagonal", 6)):
        high = [name for name, r in sets.items() if r["default"][kind]["te"] > MAX_TE]
        n_met = len(sets) - len(high)
        over = f"; above it {', '.join(high)}" if high else ""
        claim = f"TE of the default, {kind}, {neighbors} neighbors: at most {MAX_TE:.2f}"
        measured = f"{n_met} of {len(sets)} sets{over}"
        rows.append(_goal(f"{claim} on {MIN_SETS} of 12 sets", measured, n_met >= MIN_SETS))
    return rows


def _peer_goals(record: Result) -> list[list[str]]:
    cells: dict[str, dict[str, Cell]] = {}
    for name, result in record["sets"].items():
        of_set = {key: cell for key in PEERS if (cell := compared(result, key))}
        if of_set:
            cells[name] = of_set
    if not cells:
        return []
    every = [(cell[0], name, key) for name, of_set in cells.items() for key, cell in of_set.items()]
    lost = [name for name, of_set in cells.items() if min(c[0] for c in of_set.values()) <= 0]
    trained = mean(lower for lower, _, key in every if PEERS[key].n_epochs)
    average, (worst, set_name, key) = mean(lower for lower, _, _ in every), min(every)
    below = sum(cell[1] == "below" for of_set in cells.values() for cell in of_set.values())
    where = "at the peer's TE, QE below that of every peer"
    over = f"; not on {', '.join(lost)}" if lost else ""
    n_won = len(cells) - len(lost)
    return [
        _goal(f"{where}, on {MIN_SETS} of 12 sets", f"{n_won} of {len(cells)}{over}", n_won >= 10),
        _goal(
            f"{where}, on average by 3 %",
            f"{average:.1f} %; {trained:.1f} % without the maps of 100 steps",
            average >= MEAN_LOWER,
        ),
        _goal(
            "at the peer's TE, QE never more than 1 % above a peer's",
            f"at worst {-worst:+.1f} % ({set_name}, {key}); {below} of {len(every)} with the "
            "peer's TE below our whole curve, where ours is worse",
            worst >= -MAX_HIGHER,
        ),
    ]


def _search_goal(record: Result) -> list[list[str]]:
    values = {name: e for name, r in record["sets"].items() if (e := excess(r)) is not None}
    if not values:
        return []
    over = [f"{name} {value:.1f} %" for name, value in values.items() if value > MAX_EXCESS]
    measured = f"{len(values) - len(over)} of {len(values)} sets"
    measured += f"; above it {', '.join(over)}" if over else ""
    claim = "QE of the default within 3 % of a random search's best at no worse TE"
    return [_goal(claim, measured, not over)]


def _time_goals(record: Result) -> list[list[str]]:
    rows = []
    for name, rounds in record["times"].items():
        peer = best_peer(rounds)
        qe, te = (middle(rounds, peer, key) for key in ("qe", "te"))
        our_qe, our_te = (middle(rounds, ON_RECTANGLE, key) for key in ("qe", "te"))
        ratio = times_faster(rounds, peer, ON_RECTANGLE)
        is_met = our_qe <= qe and our_te <= te and ratio >= TIMES_FASTER
        measured = f"QE {100 * (our_qe / qe - 1):+.1f} %, TE {our_te:.3f} against {te:.3f}, "
        measured += f"{ratio:.1f} times as fast as {peer}"
        claim = f"{name}: the best batch peer's QE and TE in a fifth of its time"
        rows.append(_goal(claim, measured, is_met))
        if name == "pixels":
            ratio = times_faster(rounds, "fastersom, 15 epochs", ON_RECTANGLE)
            is_good = our_qe <= PIXELS_QE and our_te <= PIXELS_TE
            measured = f"QE {our_qe:.3f}, TE {our_te:.3f}, {ratio:.1f} times as fast"
            claim = "pixels: QE 3.85 and TE 0.05 in a quarter of the time of fastersom's 15 epochs"
            rows.append(_goal(claim, measured, is_good and ratio >= PIXELS_TIMES))
    return rows


def defaults_table(record: Result) -> str:
    """Return quality of the default by set and lattice."""
    header = ["set", "data", "hexagonal", "QE", "TE", "rectangular", "QE ", "TE ", "epochs"]
    rows = []
    for name, result in record["sets"].items():
        row = [name, f"{result['n_samples']:,} x {result['n_features']}"]
        for kind in ("hexagonal", "rectangular"):
            default = result["default"][kind]
            row += [" x ".join(map(str, default["shape"]))]
            row += [f"{default['qe']:.4f}", f"{default['te']:.4f}"]
        rows.append([*row, f"{result['default']['rectangular']['n_epochs']:g}"])
    return markdown(header, rows, n_left=2)


def peers_table(record: Result) -> str:
    """Return by set and peer how many percent our QE is lower at the peer's TE."""
    rows, lower = [], {key: [] for key in PEERS}
    for name, result in record["sets"].items():
        row = [name, str(len(next(iter(result.get("peers", {"": []}).values()))))]
        for key in PEERS:
            cell = compared(result, key)
            row.append("" if cell is None else _cell_text(cell))
            lower[key] += [] if cell is None else [cell[0]]
        rows.append(row)
    for label, figure in (("mean", mean), ("least", min)):
        rows.append([label, "", *(f"{figure(v):.1f}" if v else "" for v in lower.values())])
    return markdown(["set", "seeds", *PEERS], rows)


def _cell_text(cell: Cell) -> str:
    lower, side, is_cut = cell
    return f"{lower:.1f}{MARKS[side]}{' *' if is_cut else ''}"


def search_table(record: Result) -> str:
    """Return what the search found, the best of all seeds."""
    header = ["set", "rows", "default QE", "TE", "best QE", "TE ", "median excess, %"]
    header += ["radius_start", "radius_end", "epochs", "init"]
    rows = []
    for name, result in record["sets"].items():
        if not result.get("search"):
            continue
        default = result["search"][0]["default"]
        row = [name, f"{result['search'][0]['n_rows']:,}"]
        row += [f"{default['qe']:.4f}", f"{default['te']:.4f}"]
        found = [search["best"] for search in result["search"] if search["best"]]
        if best := min(found, key=lambda trial: trial["qe"], default=None):
            row += [f"{best['qe']:.4f}", f"{best['te']:.4f}", f"{excess(result):.1f}"]
            row += [f"{best['radius_start']:.2f}", f"{best['radius_end']:.2f}"]
            row += [str(best["n_epochs"]), best["init"]]
        else:
            row += ["none", "", "0.0", "", "", "", ""]
        rows.append(row)
    return markdown(header, rows)


def choices_table(record: Result) -> str:
    """Return by how many percent a trial's QE is lower than our curve's at its TE, by choice.

    Means over the trials whose TE lies within the curve; of sets that were searched on all rows.
    """
    rows = []
    for name, result in record["sets"].items():
        searches = result.get("search", [])
        if not searches or searches[0]["n_rows"] < result["n_samples"]:
            continue
        side = max(result["default"]["rectangular"]["shape"])
        gains: dict[str, list[float]] = {choice: [] for choice in CHOICES}
        for trial in (trial for search in searches for trial in search["trials"]):
            ours, where = qe_at(result["curve"], trial["te"], result["n_samples"])
            for choice in CHOICES if not where else ():
                if CHOICES[choice](trial, side):
                    gains[choice].append(100 * (1 - trial["qe"] / ours))
        rows.append([name, *(f"{mean(v):.1f}" if v else "-" for v in gains.values())])
    return markdown(["set", *CHOICES], rows)


def curve_table(result: Result) -> str:
    """Return our quality by final radius, and the peers' with ours at their TE."""
    header = ["map", "settings", "TE", "QE", "our QE there", "lower by, %", "cut to"]
    rows = []
    for point in result["curve"]:
        settings = f"radius_end {point['radius_end']:g}"
        rows.append(
            (point["te"], ["somscape", settings, f"{point['te']:.4f}", f"{point['qe']:.4f}"])
        )
    for key, peer in PEERS.items():
        cell = compared(result, key)
        if cell is None:
            continue
        results = result["peers"][key]
        te, qe = (median(r[field] for r in results) for field in ("te", "qe"))
        ours = median(qe_at(result["curve"], r["te"], result["n_samples"])[0] for r in results)
        row = [peer.library, peer.settings, f"{te:.4f}", f"{qe:.4f}", f"{ours:.4f}"]
        rows.append((te, [*row, f"{cell[0]:.1f}{MARKS[cell[1]]}", results[0]["cut"]]))
    rows = [row + [""] * (len(header) - len(row)) for _, row in sorted(rows)]
    return markdown(header, rows, n_left=2)


def times_table(rounds: list[Result]) -> str:
    """Return quality and seconds by library on a timed problem."""
    rows = []
    for name in sorted(in_every(rounds), key=lambda name: middle(rounds, name, "qe")):
        qe, te, seconds = (middle(rounds, name, key) for key in ("qe", "te", "seconds"))
        ratio = times_faster(rounds, name, ON_RECTANGLE)
        rows.append([name, f"{qe:.4f}", f"{te:.4f}", f"{seconds:.2f}", f"{ratio:.2f}"])
    return markdown(["library", "QE", "TE", "seconds", "x somscape, rectangular"], rows)


def report(record: Result, heading: str) -> str:
    """Return the text between the markers of README.md."""
    parts = [heading, "### Goals", markdown(["goal", "measured", "met"], goal_rows(record))]
    if record["sets"]:
        parts += ["### Defaults", defaults_table(record)]
    if any(result.get("peers") for result in record["sets"].values()):
        parts += ["### Our QE at the peer's TE", "Lower by so many percent, median over the seeds."]
        parts += [peers_table(record)]
    if any(result.get("search") for result in record["sets"].values()):
        parts += ["### Random search", search_table(record)]
        text = "Trials against our curve at their TE, by what was drawn: QE lower by percent, mean."
        parts += [text, choices_table(record)]
    for name, rounds in record["times"].items():
        parts += [f"### Time to quality: {name}", times_table(rounds)]
    for name, result in record["sets"].items():
        parts += [f"### {name}", curve_table(result)]
    return "\n\n".join(parts)
