"""What was chosen for parameters that were "auto", and why, as text."""

from somscape.fit._progress import NONE_BETTER, ROUNDS_DONE
from somscape.fit._settings import Settings
from somscape.fit._train import Trained
from somscape.maps import Map


def explain_defaults(settings: Settings, map_: Map, trained: Trained) -> dict[str, str]:
    """Return a sentence for each parameter that was "auto" or could not be met."""
    plan = trained.plan
    found = {}
    is_from_map = plan.init == "map"
    is_sized = "auto" not in (settings.n_rows, settings.n_cols)
    if not is_sized and (is_from_map or isinstance(settings.lattice, str)):
        found["n_rows, n_cols"] = _size(map_, is_from_map=is_from_map)
    for name in ("algorithm", "n_init"):
        if name in plan.reasons:
            found[name] = plan.reasons[name]
    if settings.n_epochs == "auto":
        found["n_epochs"] = _passes(trained)
    for name in ("radius_start", "radius_end"):
        if name in plan.reasons:
            found[name] = f"{getattr(plan, name):.3g} grid steps: {plan.reasons[name]}"
    return found


def _size(map_: Map, *, is_from_map: bool) -> str:
    if is_from_map:
        return f"{map_.lattice.size_text}: as in the map it starts from."
    return (
        f"{map_.lattice.n_rows} x {map_.lattice.n_cols}: about 5 sqrt(n) units for rows of a total "
        f"weight of {map_.hits.sum():g} (Vesanto's rule), at least 9, at most 10,000 and no more "
        "than there are rows; the sides are in proportion to the standard deviations along the "
        "data's two main axes, up to 1 : 4, and equal if there is hardly a second axis."
    )


def _passes(trained: Trained) -> str:
    plan, n_iter, reason = trained.plan, trained.n_iter, trained.stop_reason
    n_planned = round(plan.n_epochs)
    if reason in (NONE_BETTER, ROUNDS_DONE):
        return (
            f"{n_iter} passes, {n_planned} of them on the full map while the radius shrinks; then, "
            f"as the final radius is small, units moved to rows far from all others ({reason})."
        )
    if plan.coarse:
        return f"{n_iter} passes, the last {n_planned} on the full map ({reason})."
    if not plan.extra_epochs:
        return f"{n_iter} passes, of {n_planned} ({reason})."
    if plan.radius_start == plan.radius_end:
        n_most = n_planned + plan.extra_epochs
        return f"{n_iter} passes, of up to {n_most} at one radius ({reason})."
    return (
        f"{n_iter} passes, of {n_planned} while the radius shrinks and up to {plan.extra_epochs} "
        f"more at the final radius ({reason})."
    )
