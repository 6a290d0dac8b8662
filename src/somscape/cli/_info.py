"""`info`: what a saved map holds."""

from pathlib import Path
from typing import Any

from somscape._types import Float64s
from somscape.cli._console import make_console, map_facts, say, show_columns, show_facts
from somscape.cli._save_roles import check_save_roles, write_roles
from somscape.encode import Encoding, comments_on, pinned, said_by
from somscape.jobs import quality_words, score_words
from somscape.maps import Map, as_map
from somscape.outliers import Detector, detector_in
from somscape.recognize import Answering, Recognizer
from somscape.save import load
from somscape.tables import counted, listed

WORDS = {"n_epochs": "epochs planned", "n_init": "starts"}
TOLD = ("n_iter", "stop_reason")
"""Parameters that `map_facts` shows."""


def show_info(map_file: str, save_roles: Path | None, *, force: bool) -> None:
    """Show size, training, columns and score settings of a saved map; write its roles."""
    check_save_roles(save_roles, None, map_file, options={"force": force})
    thing = load(map_file)
    map_, detector = as_map(thing), detector_in(thing)
    if save_roles is not None:
        roles, comments = pinned(map_.encoding), comments_on(map_.encoding)
        write_roles(save_roles, roles, comments, force=force)
    errors = map_.history.get("quantization_error")
    facts = [
        *map_facts(map_),
        ("features", str(map_.codebook.shape[1])),
        *_hits(map_),
        *[
            (WORDS.get(name, name.replace("_", " ")), value)
            for name, value in map_.parameters.items()
            if name not in TOLD
        ],
        ("quantization error", "unknown" if errors is None else _last_error(errors)),
        ("made by", ", ".join(f"{k} {v}" for k, v in map_.versions.items()) or "unknown"),
    ]
    facts += _of_model(thing) if isinstance(thing, Answering) else _of_detector(detector)
    facts += [(name.replace("_", " "), value) for name, value in _said(map_.encoding)]
    console = make_console()
    show_facts(console, facts)
    console.print()
    show_columns(console, map_.encoding)
    if save_roles is not None:
        say(console, f"Wrote {save_roles}")


def _of_detector(detector: Detector | None) -> list[tuple[str, Any]]:
    if detector is None:
        return [("detector", "none: this map cannot score rows")]
    facts: list[tuple[str, Any]] = [
        ("score", score_words(detector)),
        ("threshold", f"{detector.threshold:.4g}"),
        ("calibration rows", len(detector.calibration.scores)),
    ]
    regions = detector.calibration.regions
    if regions is not None:
        facts.append(("calibration regions", str(regions.max() + 1)))
    if detector.marks is not None:
        facts.append(("marks", detector.effect_of_marks))
    return facts


def _of_model(model: Answering) -> list[tuple[str, Any]]:
    facts = [
        ("predicts", model.map_.encoding.named("label") or "what it learned"),
        ("quality", quality_words(model)),
        *[("warning", words) for words in model.leaks_in_words()],
    ]
    if isinstance(model, Recognizer):
        share = 100 * (model.reject or 0)
        facts.append(("classes", listed([str(name) for name in model.classes])))
        facts.append(("refuses", f"{share:g} % of usual rows" if share else "no row"))
    return facts


def _said(encoding: Encoding) -> list[tuple[str, Any]]:
    """Return what was said of the table beside the kinds of its columns."""
    said = said_by(encoding.roles)
    weights = said.pop("layer_weights", {})
    if "layers" in said:
        layers = said["layers"].items()
        parts = [
            f"{n} ({counted(len(c), 'column')}, weight {weights.get(n, 1):g})" for n, c in layers
        ]
        said["layers"] = ", ".join(parts)
    return [*said.pop("reading", {}).items(), *said.items()]


def _last_error(errors: Float64s) -> str:
    """Say when it was measured: the epoch's update, and `fit`'s own measure, come after it."""
    return f"{errors[-1]:.4g} (in the last epoch, before its update)"


def _hits(map_: Map) -> list[tuple[str, str]]:
    if not map_.hits.any():  # another program's file
        return [("rows trained on", "unknown")]
    return [
        ("rows trained on", f"{map_.hits.sum():g}"),
        ("units that won no row", f"{int((map_.hits == 0).sum())}"),
    ]
