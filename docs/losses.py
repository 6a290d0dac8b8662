"""Where we lose, a line each: by how much, when it matters, what to do; from the records.

Every goal that a record says is missed must belong to a line, else the page is not written.
"""

from typing import NamedTuple

from records import number, plain, table

GOALS = (
    ("README.md", "Goals", "goal", "measured", "met"),
    ("defaults/README.md", "Goals", "goal", "measured", "met"),
    ("detection/README.md", "Goals", "goal", "measured", "met"),
    ("recognition/README.md", "What was wanted", "wanted", "measured", "reached"),
)
MOST_TIMES, ROWS_A_SECOND = 4, 50_000
"""The goals of `serve/README.md`, which states them in its text."""
MISSED = (
    "article-batch: fastersom",
    "large-map: at most 3 times",
    "`somscape detect` takes at most 2 times `import sklearn, matplotlib`",
)
"""Beginnings of the goals of `README.md` that are missed."""
HTTP, IN_BATCHES = "a row asked over HTTP", "rows asked over HTTP in batches"
DETECTION = "detection/README.md"
FALSE = "false ones at most 10 points above; recall at least half of the oracle's; empty on at most"


class Loss(NamedTuple):
    """What we lose, and how the missed goals begin that belong to it."""

    what: str
    measured: str
    matters: str
    instead: str
    goals: tuple[str, ...] = ()


def lost() -> tuple[list[str], list[list[str]]]:
    """Return a line for each loss."""
    found = [*unusual_rows(), *other_answers(), *maps(), *files_and_services()]
    told = [goal for loss in found for goal in loss.goals]
    for goal in missed():
        if sum(map(goal.startswith, told)) != 1:
            raise SystemExit(f"docs/losses.py: one line must tell of the missed goal {goal!r}")
    return ["where", "by how much", "it matters when", "what to do"], [list(x[:4]) for x in found]


# The goals


def missed() -> dict[str, str]:
    """Return every goal in the records that is not met, and what was measured."""
    found = {}
    for name, heading, *columns in GOALS:
        goals, measured, met = map(table(name, heading).column, columns)
        for goal, value, answer in zip(goals, measured, met, strict=True):
            if plain(answer) not in ("yes", "no"):
                raise SystemExit(f"benchmarks/{name}: {goal!r} is neither met nor missed")
            if plain(answer) == "no":
                found[goal] = value
    files = table("tables/README.md", "From a file to a list", 2)
    for row in files.rows:
        cells = dict(zip(files.columns, row, strict=True))
        if plain(cells["reached"]) == "no":
            found[cells["what"]] = cells["ratio"] or cells["ours"]
    return found | missed_by_the_service()


def missed_by_the_service() -> dict[str, str]:
    """Return the goals of the scoring service that its tables do not show to be met."""
    asked, rows = service()
    found = {}
    if number(asked) > MOST_TIMES:
        found[HTTP] = asked
    if min(map(number, rows.values())) < ROWS_A_SECOND:
        found[IN_BATCHES] = min(rows.values())
    return found


def service() -> tuple[str, dict[str, str]]:
    """Return the 99th percentile as times the empty route's, and rows a second by format."""
    name, heading = "serve/README.md", "A row asked over HTTP"
    asked = table(name, heading).row("one row with reasons")["99 %, times the empty route's"]
    return asked, table(name, heading, 1).by("rows a second")


def goal_of(goal: str) -> str:
    """Return what was measured for a goal of detection."""
    return spaced(plain(table(DETECTION, "Goals").row(goal)["measured"]))


def spaced(cell: str) -> str:
    """Return a share as the page writes it."""
    return cell.replace("%", " %")


# The lines


def unusual_rows() -> list[Loss]:
    """Return what is lost in finding unusual rows."""
    return [one_more_group(), *false_alarms()]


def one_more_group() -> Loss:
    """Return what is lost where unusual rows are a group of their own."""
    sets = table(DETECTION, "AUROC, unsupervised, percent")
    behind = [
        number(sets.row(name)["KNN"]) - number(sets.row(name)["somscape"])
        for name in ("digits", "letter", "phoneme", "texture", "vowel")
    ]
    return Loss(
        "A group of unusual rows",
        f"AUROC {min(behind):.1f} to {max(behind):.1f} points below KNN on "
        "digits, letter, phoneme, texture and vowel",
        "the unusual rows form one of many groups",
        "Train on rows known to be usual. Then we are ahead of KNN on all five.",
    )


def false_alarms() -> list[Loss]:
    """Return what is lost in saying how many rows stand out."""
    as_they_are, cut = (
        goal_of(f"tables, {title}, 10%: {FALSE} 30 %").split(";")[0]
        for title in ("as they are", "anomalies cut")
    )
    noise = goal_of(
        "lognormal, 10%: none planted, rows stand out in at most 2 points more of the runs; some "
        "planted, false ones at most 2 points above"
    ).split(";")[0]
    rates = table(DETECTION, "Calibration")
    strict, usual = (
        [spaced(f"{number(rates.row(rate)[of]):.0%}") for of in ("recall", "oracle's recall")]
        for rate in ("5%", "10%")
    )
    false = spaced(rates.row("10%")["false discoveries"])
    return [
        Loss(
            "False alarms among rows that stand out",
            f"{as_they_are} instead of 10 % on 10 tables, {cut} with fewer unusual rows; "
            f"on lognormal noise, rows stand out in {noise} of the runs",
            'you rely on "about 2 by chance"',
            f"Train on rows known to be usual. Then {false} are false instead of 10 %.",
            (
                *(f"tables, {what}: {FALSE}" for what in ("as they are, 10%", "as they are, 20%")),
                f"tables, anomalies cut, 10%: {FALSE}",
                "lognormal, 10%: ",
            ),
        ),
        Loss(
            "Lists at a strict rate",
            f"at 5 %, {strict[0]} of the unusual rows are found, and {strict[1]} are possible",
            "you accept at most 5 % of false alarms",
            f"Use 10 %. Then {usual[0]} are found, and {usual[1]} are possible.",
            ("clean training, nominal 5%: ",),
        ),
    ]


def other_answers() -> list[Loss]:
    """Return what is lost in naming classes, finding groups and quantizing rows."""
    accuracy = table("recognition/README.md", "Accuracy (%)")
    classes = ", ".join(
        f"{name} {accuracy.row(name)[peer]} (we {accuracy.row(name)['somscape']})"
        for name, peer in (("vowel", "1-NN"), ("phoneme", "1-NN"))
    )
    iris = accuracy.row("iris")
    groups = table("regions/README.md", "Groups kept back, for reporting only")
    sheets, mean = groups.row("sheets"), groups.row("mean")
    faster = " and ".join(
        f"{plain(table('README.md', name).row('scikit-learn k-means 1.9.1')['x somscape'])} "
        f"(`{name}`)"
        for name in ("article-batch", "digits")
    )
    return [
        Loss(
            "Classes",
            f"one nearest neighbor is right on {classes} %; GMLVQ on iris {iris['GMLVQ']} "
            f"(we {iris['somscape']})",
            "a model can store every row",
            "Use scikit-learn's `KNeighborsClassifier(1)`.",
        ),
        Loss(
            "Groups that are sheets",
            f"adjusted Rand index {sheets['auto']}, HDBSCAN {sheets['HDBSCAN']}; the mean of six "
            f"kinds of groups is {mean['auto']} and {mean['HDBSCAN']}",
            "groups are thin and bent",
            "Use scikit-learn's `HDBSCAN`.",
        ),
        Loss(
            "k-means without a map",
            f"takes {faster} of our time, and the QE is always lower",
            "you want groups without pictures",
            "Use scikit-learn's `KMeans`.",
        ),
    ]


def maps() -> list[Loss]:
    """Return what is lost in training a map."""
    name = "pixels: QE 3.85 and TE 0.05 in a quarter of the time of fastersom's 15 epochs"
    pixels = plain(table("defaults/README.md", "Goals").row(name)["measured"])
    article = table("README.md", "article-online")
    ours, minisom = (article.row(each) for each in ("somscape 0.2.0", "MiniSom 2.3.6"))
    goals = table("README.md", "Goals").by("measured")
    small, units, started = (each for each in goals if each.startswith(MISSED))
    return [
        Loss(
            "A map of an image's colors in a quarter of fastersom's time",
            f"{pixels} (goal: QE 3.85 and TE 0.05)",
            "your data are an image",
            "Nothing. All peers miss this goal.",
            ("pixels: QE 3.85",),
        ),
        Loss(
            "Small tables",
            f"fastersom takes {goals[small]} times our time (goal: 3), `somscape detect` "
            f"{goals[started]} times the time of imports (goal: 2)",
            "you often train on small tables",
            "Nothing.",
            (small, started),
        ),
        Loss(
            "Many units",
            f"four times the units: {goals[units]} times as long (goal: 3); 240 rows on 6,300 "
            "units: 16 s; torchsom publishes 7 s on eight cores",
            "you want a large map",
            "Use a smaller map.",
            (units,),
        ),
        Loss(
            "A GPU",
            "torchsom, XPySom, fastersom and FloatSOM train on GPUs, and we did not time somscape "
            "on a GPU",
            "you have hundreds of millions of rows",
            "Use FloatSOM.",
        ),
        Loss(
            "Skipping groups of units",
            "1.06 times the time without skipping, in the first epoch of `large-map` (goal: 1.03)",
            "a large map trains for one epoch",
            "Nothing, because later epochs save more time.",
        ),
        Loss(
            "Processors without AVX-512",
            "the search misses the goal up to 32 features, and one row takes 34 microseconds "
            "(goal: 20)",
            "rows have few columns, or come one by one",
            "Pass many rows at once.",
        ),
        Loss(
            "Import",
            f"{ours['import, ms']} ms and {ours['peak MiB']} MiB; MiniSom {minisom['import, ms']} "
            f"ms and {minisom['peak MiB']} MiB",
            "you start short scripts often",
            "Use MiniSom.",
        ),
    ]


def files_and_services() -> list[Loss]:
    """Return what is lost between a file and an answer."""
    files = table("tables/README.md", "From a file to a list", 2)
    encode, listed, memory, fewer, many, few, parquet = (
        files.row(name)
        for name in (
            "encode big.csv",
            "list 50,000 of big.csv with reasons",
            "somscape detect big.csv, 50,000 listed: memory",
            "somscape detect big.csv, 50 listed: memory",
            "somscape detect big.csv, 50,000 listed",
            "somscape detect big.csv, 50 listed",
            "somscape detect big.parquet, 50,000 listed",
        )
    )
    least, *_, most = sorted((row["ratio"].split()[0] for row in (many, few, parquet)), key=float)
    read = [(row[0].split()[1], row[4].split()[0]) for row in files.rows if row[1] == "polars"]
    asked, rows = service()
    large = table("scale/README.md", "Numbers", 2)
    of_list, least_work = map(large.row, ("somscape detect", "two readings, scores in memory"))
    return [
        Loss(
            "Reading a file",
            f"{', '.join(f'{ratio} (`{name}`)' for name, ratio in read)} times the processor time "
            "of Polars",
            "you often read a large file",
            "Pass a data frame of Polars.",
            ("read mixed.csv",),
        ),
        Loss(
            "A million rows in memory",
            f"encoding {encode['ours']} (goal: {encode['goal']}), 50,000 reasons "
            f"{listed['ours']} (goal: {listed['goal']}), memory {memory['ratio']} times the size "
            f"of the file (goal: {memory['goal']}); `detect` takes {least} to {most} times "
            "the time of an isolation forest",
            "you list tens of thousands of rows",
            f"List 50 rows, which need {fewer['ratio']} times the file.",
            tuple(row["what"] for row in (encode, listed, many, few, parquet)),
        ),
        Loss(
            "A list of ten million rows",
            f"takes {number(of_list['s']) / number(least_work['s']):.1f} times as long as two "
            "readings and one scoring (goal: 1.3)",
            "your table has millions of rows",
            "Nothing.",
        ),
        Loss(
            "Two workers of Dask",
            "1.7 times as fast as one worker on two processors (two processes without Dask: 1.8 to "
            "1.9 times); an epoch of ten million rows takes 250 ms more (goal: 128)",
            "workers, client and scheduler share few processors",
            "Turn off profiling ({doc}`operate/machines`).",
        ),
        Loss(
            "A row asked over HTTP",
            f"99th percentile {asked} times the empty route (goal: {MOST_TIMES}); in batches, "
            f"{rows['JSON']} rows a second as JSON and {rows['Arrow']} as Arrow (goal: "
            f"{ROWS_A_SECOND:,})",
            "you need an answer within milliseconds",
            "Train with `n_maps=1`, and send Arrow.",
            (HTTP, IN_BATCHES),
        ),
    ]
