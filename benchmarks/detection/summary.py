"""Goals and tables of the detection benchmark, from the record of a run."""

from __future__ import annotations

from statistics import mean, median
from typing import Any

import marks
import numpy as np
import standing_out
import unusual
from calibration import NOMINAL
from markdown_tables import markdown
from measure import MODES
from peers import OURS, RANKINGS
from scipy.stats import rankdata
from sets import SETS

Result = dict[str, Any]

CHOOSING = tuple(SETS)[: len(SETS) // 2]
"""The first half in alphabetical order, on which defaults may be chosen; the rest reports."""
REPORTING = tuple(SETS)[len(SETS) // 2 :]
FIGURES = {"auroc": "AUROC", "ap": "Average precision"}

MIN_FOUND, MIN_RESAMPLES, MIN_SEEDS = 11, 0.75, 0.9
MIN_GAINS, MAX_FALLS = {10: 0, 20: 3, 50: 5}, 0.1
MAX_EXCESS, MIN_RECALL = 0.01, 0.8
MIN_LEAD = 1.0
MAX_OF_SIMULATED, MAX_OF_LABELLED, MAX_EMPTY = 0.02, 0.10, 0.30
TIMES_KNN, MIN_ROWS_PER_SECOND, MAX_MICROSECONDS = 30, 1e6, 50


def average(of_method: Result, mode: str, figure: str) -> float:
    """Return the mean of a figure over the seeds."""
    return mean(of_seed[mode][figure] for of_seed in of_method.values())


def methods_of(record: Result) -> list[str]:
    """Return the methods that were measured, in their order."""
    measured = {name for result in record["rankings"].values() for name in result["methods"]}
    return [name for name in RANKINGS if name in measured]


def sets_of(record: Result, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the sets on which all of these methods were measured."""
    methods, results = methods_of(record), record["rankings"]
    return tuple(
        name
        for name in names
        if name in results and all(method in results[name]["methods"] for method in methods)
    )


def figures(record: Result, names: tuple[str, ...], mode: str, figure: str) -> np.ndarray:
    """Return a figure by set and method."""
    of_sets = [record["rankings"][name]["methods"] for name in names]
    methods = methods_of(record)
    return np.array(
        [[average(of_set[method], mode, figure) for method in methods] for of_set in of_sets]
    )


def standing(record: Result, names: tuple[str, ...], mode: str, figure: str) -> tuple:
    """Return the means over sets and the mean ranks by method; rank 1 is the best."""
    values = figures(record, names, mode, figure)
    return values.mean(axis=0), rankdata(-values, axis=1).mean(axis=0)


def goal_rows(record: Result) -> list[list[str]]:
    """Return the table of goals, of the parts that were measured."""
    rows = []
    if OURS in methods_of(record) and sets_of(record, tuple(SETS)) == tuple(SETS):
        rows += _ranking_goals(record)
    for part, goals in PART_GOALS.items():
        rows += goals(record[part]) if part in record else []
    return rows


def _goal(claim: str, measured: str, is_met: bool) -> list[str]:
    return [claim, measured, "yes" if is_met else "**no**"]


def _ranking_goals(record: Result) -> list[list[str]]:
    rows, methods = [], methods_of(record)
    ours = methods.index(OURS)
    for mode, allowed in zip(MODES, (1, 2), strict=True):
        for half, names in (("reporting half", REPORTING), ("all 16 sets", tuple(SETS))):
            means, ranks = standing(record, names, mode, "auroc")
            place_mean = int((means > means[ours]).sum()) + 1
            place_rank = int((ranks < ranks[ours]).sum()) + 1
            best_mean, best_rank = int(means.argmax()), int(ranks.argmin())
            measured = f"mean AUROC {means[ours]:.4f}, place {place_mean} "
            measured += f"(best {methods[best_mean]} {means[best_mean]:.4f}); "
            measured += f"mean rank {ranks[ours]:.2f}, place {place_rank} "
            measured += f"(best {methods[best_rank]} {ranks[best_rank]:.2f})"
            place = "first" if allowed == 1 else "first or second"
            claim = f"{mode}, {half}: {place} by mean AUROC and by mean rank"
            rows.append(_goal(claim, measured, max(place_mean, place_rank) <= allowed))
    return rows


def _unusual_goals(result: Result) -> list[list[str]]:
    rows = []
    for setting in unusual.SETTINGS:
        methods, values = unusual.values(result, setting, chooses=False)
        ours, means = methods.index(OURS), values.mean(axis=0)
        ranks = rankdata(-values[:, :, 0].round(6), axis=1).mean(axis=0)
        peers = [i for i in range(len(methods)) if i != ours]
        best, best_ap = (max(peers, key=lambda i: means[i, figure]) for figure in (0, 1))
        if setting == "clean":
            best = methods.index("KNN")
        claim = f"140 tables, reporting half, {setting}: "
        lead = 100 * (means[ours, 0] - means[best, 0])
        measured = f"{lead:+.1f} ({methods[best]})"
        rows.append(_goal(f"{claim}AUROC at least 1 point above", measured, lead >= MIN_LEAD))
        place = int((ranks < ranks[ours]).sum()) + 1
        rows.append(_goal(f"{claim}first by mean rank", f"place {place}", place == 1))
        ahead = 100 * (means[ours, 1] - means[best_ap, 1])
        measured = f"{ahead:+.1f} ({methods[best_ap]})"
        rows.append(_goal(f"{claim}first by average precision", measured, ahead > 0))
    return rows


def _marks_goals(result: Result) -> list[list[str]]:
    rows = []
    names = marks.halves(result)["reporting"]
    for n, least in MIN_GAINS.items():
        gains = {
            name: float(marks.changes(result, names, n, name, both=True).mean())
            for name in (OURS, *marks.CLASSIFIERS)
        }
        ours = gains.pop(OURS)
        best = max(gains, key=lambda name: gains[name])
        n_tables = len(marks.changes(result, names, n, OURS, both=True))
        claim = f"{n} marks, {n_tables} tables: AUPR on the other rows at least {least:+d} points"
        rows.append(_goal(claim, f"{ours:+.1f}", ours >= least))
        claim = f"{n} marks: more than the best classifier with the same marks"
        rows.append(_goal(claim, f"{ours:+.1f} ({best} {gains[best]:+.1f})", ours > gains[best]))
        fall = marks.fall_share(marks.changes(result, names, n, OURS, both=False))
        claim = (
            f"{n} marks: a fall of more than a point on fewer than {MAX_FALLS:.0%} of the tables"
        )
        rows.append(_goal(claim, f"{fall:.1%}", fall < MAX_FALLS))
    return rows


def _planted_goals(result: Result) -> list[list[str]]:
    of_rankings = result["rankings"]
    found, auroc = (mean(of_rankings[OURS][key]) for key in ("found", "auroc"))
    peers = ("nearest neighbors", "Mahalanobis", "IForest")
    best = max(peers, key=lambda name: mean(of_rankings[name]["auroc"]))
    best_auroc = mean(of_rankings[best]["auroc"])
    n = len(of_rankings[OURS]["found"])
    claim = f"planted cases, mean of {n} plantings: "
    return [
        _goal(f"{claim}{MIN_FOUND} of 12 in the first 40", f"{found:.2f}", found >= MIN_FOUND),
        _goal(
            f"{claim}AUROC on shuffled cases above the best peer's",
            f"{auroc:.3f} ({best} {best_auroc:.3f})",
            auroc > best_auroc,
        ),
    ]


def _stability_goals(result: Result) -> list[list[str]]:
    rows = []
    for key, least in (("resamples", MIN_RESAMPLES), ("seeds", MIN_SEEDS)):
        ours, theirs = result[OURS][key], result["article, trained map"][key]
        claim = f"the first 50 of two {key} share {least:.2f}"
        rows.append(_goal(claim, f"{ours:.2f} (article {theirs:.2f})", ours >= least))
    return rows


def _calibration_goals(result: list[Result]) -> list[list[str]]:
    rows = []
    for q in NOMINAL:
        fdp, recall, oracle = _rates(result, q)
        claim = f"clean training, nominal {q:.0%}: false discoveries at most 1 point above, "
        claim += f"recall at least {MIN_RECALL:g} of the oracle's"
        measured = f"{fdp:.1%}, recall {recall:.3f} against {oracle:.3f}"
        is_met = fdp <= q + MAX_EXCESS and recall >= MIN_RECALL * oracle
        rows.append(_goal(claim, measured, is_met))
    return rows


def _standing_out_goals(result: Result) -> list[list[str]]:
    rows = []
    for q in standing_out.NOMINAL:
        for law in standing_out.LAWS:
            lists, false, _ = standing_out.simulated_rates(result["simulated"], law, q)
            claim = f"{law}, {q:.0%}: none planted, rows stand out in at most 2 points more of the "
            claim += "runs; some planted, false ones at most 2 points above"
            most = q + MAX_OF_SIMULATED
            rows.append(_goal(claim, f"{lists:.1%}; {false:.1%}", max(lists, false) <= most))
        for kind in standing_out.KINDS:
            found = standing_out.labelled_rates(result["labelled"], kind, None, q)
            claim = f"tables, {kind}, {q:.0%}: false ones at most 10 points above; recall at least "
            claim += "half of the oracle's; empty on at most 30 %"
            n, false, _, recall, empty = found
            measured = f"{false:.1%}; {recall:.1%}; {empty:.1%} of {n}"
            is_met = false <= q + MAX_OF_LABELLED and recall >= 0.5 and empty <= MAX_EMPTY
            rows.append(_goal(claim, measured, is_met))
    return rows


def _speed_goals(result: Result) -> list[list[str]]:
    seconds = {name: median(of["seconds"]) for name, of in result["ranks"].items()}
    times = {name: value / seconds[OURS] for name, value in seconds.items()}
    best = result["scoring"][0]
    return [
        _goal(
            f"fit and score 284,807 x 29: at least {TIMES_KNN} times as fast as PyOD's KNN",
            f"{times['KNN']:.1f} times",
            times["KNN"] >= TIMES_KNN,
        ),
        _goal(
            "the same, faster than IForest", f"{times['IForest']:.2f} times", times["IForest"] > 1
        ),
        _goal(
            f"scoring at 30 features: {MIN_ROWS_PER_SECOND:,.0f} rows a second",
            f"{best['rows_per_second']:,.0f}, {best['n_units']} units",
            best["rows_per_second"] >= MIN_ROWS_PER_SECOND,
        ),
        _goal(
            f"one row inside the library: under {MAX_MICROSECONDS} microseconds",
            f"{best['microseconds_inside']:.1f}",
            best["microseconds_inside"] < MAX_MICROSECONDS,
        ),
    ]


PART_GOALS = {
    "unusual": _unusual_goals,
    "marks": _marks_goals,
    "planted": _planted_goals,
    "stability": _stability_goals,
    "calibration": _calibration_goals,
    "standing_out": _standing_out_goals,
    "speed": _speed_goals,
}


def sets_table(record: Result) -> str:
    """Return what the sets are."""
    rows = []
    for name in (name for name in SETS if name in record["rankings"]):
        result = record["rankings"][name]
        size = [f"{result[key]:,}" for key in ("n_rows", "n_features", "n_anomalies")]
        rows.append([name, SETS[name].package, SETS[name].rule, *size])
    header = ["set", "from", "what is an anomaly", "rows", "features", "anomalies"]
    return markdown(header, rows, n_left=3)


def ranking_table(record: Result, mode: str, figure: str) -> str:
    """Return a figure in percent by set and method, with means and mean ranks by half."""
    methods = methods_of(record)
    rows = []
    halves = (("choosing half", CHOOSING), ("reporting half", REPORTING), ("all", tuple(SETS)))
    for half, names in halves:
        measured = sets_of(record, names)
        if not measured:
            continue
        if half != "all":
            values = figures(record, measured, mode, figure)
            rows += [
                [name, *_highlighted(100 * row)] for name, row in zip(measured, values, strict=True)
            ]
        means, ranks = standing(record, measured, mode, figure)
        rows.append([f"**mean, {half}**", *_highlighted(100 * means)])
        rows.append([f"**mean rank, {half}**", *_highlighted(ranks, is_rank=True)])
    return markdown(["set", *methods], rows)


def _highlighted(values: np.ndarray, is_rank: bool = False) -> list[str]:
    """Return numbers as text, the best in bold."""
    texts = [f"{value:.2f}" if is_rank else f"{value:.1f}" for value in values]
    best = texts[int(values.argmin() if is_rank else values.argmax())]
    return [f"**{text}**" if text == best else text for text in texts]


def exceptions(record: Result) -> str:
    """Return which fits were cut to fewer rows and which failed, a line for each set and method."""
    lines = []
    for name in (name for name in SETS if name in record["rankings"]):
        for method, of_method in record["rankings"][name]["methods"].items():
            for mode in MODES:
                of_seeds = [of_seed[mode] for of_seed in of_method.values()]
                cut = [of["n_train"] for of in of_seeds if of["n_train"] < of["n_all"]]
                failed = [of["error"] for of in of_seeds if "error" in of]
                of_all = f"of {len(of_seeds)} seeds"
                if cut:
                    text = f"on {len(cut)} {of_all} learned from fewer rows, {min(cut):,} at least"
                    lines.append(f"- {name}, {method}, {mode}: {text}.")
                if failed:
                    text = f"failed on {len(failed)} {of_all}, counted as chance: {failed[0]}"
                    lines.append(f"- {name}, {method}, {mode}: {text}")
    return "\n".join(lines) or "None."


def planted_table(result: Result, key: str) -> str:
    """Return the figures of the planted cases by ranking or by scale, means over plantings."""
    header = ["ranking" if key == "rankings" else "numbers", "of the first 12, in the first 40"]
    header += ["AUROC of the other 8"]
    rows = [
        [name, f"{mean(of['found']):.2f}", f"{mean(of['auroc']):.3f}"]
        for name, of in result[key].items()
    ]
    return markdown(header, rows)


def stability_table(result: Result) -> str:
    """Return the overlaps by ranking."""
    rows = [[name, f"{of['resamples']:.2f}", f"{of['seeds']:.2f}"] for name, of in result.items()]
    return markdown(["ranking", "between resamples", "between seeds"], rows)


def _rates(splits: list[Result], q: float) -> tuple[float, ...]:
    """Return mean false-discovery proportion, recall and the oracle's recall."""
    rates = [split["rates"][f"{q:.2f}"] for split in splits]
    return tuple(mean(rate[key] for rate in rates) for key in ("fdp", "recall", "oracle"))


def calibration_table(result: list[Result]) -> str:
    """Return the rates after clean training, means over the splits."""
    header = ["nominal", "splits", "false discoveries", "recall", "oracle's recall"]
    rows = []
    for q in NOMINAL:
        fdp, recall, oracle = _rates(result, q)
        row = [f"{q:.0%}", str(len(result)), f"{fdp:.1%}", f"{recall:.3f}", f"{oracle:.3f}"]
        rows.append(row)
    return markdown(header, rows)


def uniformity_text(result: list[Result]) -> str:
    """Return how uniform p-values of normal rows are after clean training, in a sentence."""
    distances = [split["ks"] for split in result]
    rejected = mean(of["p_value"] < 0.05 for of in distances)
    distance = mean(of["distance"] for of in distances)
    return (
        f"p-values of normal rows after clean training: mean Kolmogorov-Smirnov distance to the "
        f"uniform law {distance:.3f}; at 5 % it is rejected on {rejected:.0%} of the splits."
    )


def calibration_by_set(result: list[Result]) -> str:
    """Return the rates at 10 % of each set, clean training."""
    header = ["set", "splits", "false discoveries", "recall", "oracle's recall", "KS distance"]
    rows = []
    for name in SETS:
        splits = [split for split in result if split["set"] == name]
        if splits:
            fdp, recall, oracle = _rates(splits, 0.10)
            distance = mean(split["ks"]["distance"] for split in splits)
            row = [name, str(len(splits)), f"{fdp:.1%}", f"{recall:.3f}", f"{oracle:.3f}"]
            rows.append([*row, f"{distance:.3f}"])
    return markdown(header, rows)


def speed_tables(result: Result) -> str:
    """Return seconds of ranking by method, and of scoring by size of the training set."""
    ours = median(result["ranks"][OURS]["seconds"])
    rows = []
    for name, of in result["ranks"].items():
        seconds = median(of["seconds"])
        row = [name, str(len(of["seconds"])), f"{seconds:.2f}", f"{seconds / ours:.2f}"]
        rows.append([*row, f"{100 * of['auroc']:.1f}"])
    ranks = markdown(["ranking", "rounds", "seconds", "x somscape", "AUROC"], rows)
    header = ["trained on", "units", "rows a second", "one row inside, us", "by the detector, us"]
    scoring = [
        [
            f"{of['n_train']:,}", str(of["n_units"]), f"{of['rows_per_second']:,.0f}",
            f"{of['microseconds_inside']:.1f}", f"{of['microseconds_detector']:.1f}",
        ]
        for of in result["scoring"]
    ]  # fmt: skip
    return f"{ranks}\n\n{markdown(header, scoring)}"


def report(record: Result, heading: str) -> str:
    """Return the text between the markers of README.md."""
    parts = [heading]
    if goals := goal_rows(record):
        parts += ["### Goals", markdown(["goal", "measured", "met"], goals, n_left=2)]
    if record["rankings"]:
        parts += ["### The sets", sets_table(record)]
        for mode in MODES:
            for figure, label in FIGURES.items():
                parts += [f"### {label}, {mode}, percent", ranking_table(record, mode, figure)]
        parts += ["### Fits on fewer rows, and failures", exceptions(record)]
    if "unusual" in record:
        parts.append(unusual.tables(record["unusual"]))
    if "marks" in record:
        parts.append(marks.tables(record["marks"]))
    if "planted" in record:
        parts += ["### Planted cases", planted_table(record["planted"], "rankings")]
        parts += ["How numbers are scaled, somscape:", planted_table(record["planted"], "scales")]
    if "stability" in record:
        parts += ["### Stability of the first 50", stability_table(record["stability"])]
    if "calibration" in record:
        parts += ["### Calibration", calibration_table(record["calibration"])]
        parts += [uniformity_text(record["calibration"])]
        parts += ["At 10 %, clean training, by set:", calibration_by_set(record["calibration"])]
    if "standing_out" in record:
        parts += ["### What stands out", standing_out.tables(record["standing_out"])]
    if "speed" in record:
        parts += ["### Speed", speed_tables(record["speed"])]
    return "\n\n".join(parts)
