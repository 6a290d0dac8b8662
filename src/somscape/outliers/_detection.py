"""How rows are scored and flagged, and what "auto" chooses."""

from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Float64s
from somscape._validate import check_choice, check_number, check_whole
from somscape._weights import counts_of
from somscape.encode import Encoding
from somscape.fit import Settings
from somscape.outliers._scorer import MAX_PROTOTYPES, SCORES
from somscape.outliers._several import MAX_ROWS, n_maps_for
from somscape.records import MAX_MEMBERS


@dataclass(frozen=True)
class Defaults:
    """What "auto" chooses; `benchmarks/detection/README.md` says on which tables.

    Attributes
    ----------
    trim : float
        Share of the rows whose prototypes do not count as usual.
    n_prototypes : int
    decorrelated : float
        Share of a squared distance that is measured between decorrelated rows.
    units_per_root : float
        Units of the automatic map per square root of its rows; a map to look at has 5.
    reach : float
        Standard deviations from its mean up to which a number counts in a distance as it is.
    rarity : float
        How much the scores of usual rows spread by the rarity of their values, for each unit that
        they spread by distances.
    """

    trim: float
    n_prototypes: int
    decorrelated: float
    units_per_root: float
    reach: float
    rarity: float


DEFAULTS = {
    # Some training rows may be unusual: many prototypes together tell what is usual.
    "mixed": Defaults(0.1, 24, 0.8, 3.0, 1.5, 0.75),
    # A table's columns are encoded on scales that tame what lies far out already.
    "mixed, encoded": Defaults(0.2, 8, 0.9, 3.0, np.inf, 0.1),
    # All training rows are usual: many prototypes follow them, and the nearest one decides.
    "clean": Defaults(0.0, 1, 0.3, 16.0, 3.0, 0.3),
    "clean, encoded": Defaults(0.0, 1, 0.3, 16.0, np.inf, 0.3),
    # Scores of the map alone.
    "alone": Defaults(0.2, 8, 0.8, 8.0, np.inf, 0.0),
    "alone, clean": Defaults(0.0, 2, 0.3, 8.0, np.inf, 0.0),
}
"""What "auto" chooses, by what is known of the rows and by the score."""

CLEAN_RADIUS_END = 0.4
"""If all rows are usual, prototypes may follow them closely."""

CALIBRATIONS = ("global", "regional")


@dataclass(frozen=True)
class Detection:
    """How rows are scored and flagged; `somscape.SOMDetector` says what each means.

    Beside these, `is_encoded` says whether rows are the encoded columns of a table, not numbers as
    they are.

    Raises
    ------
    ValueError, TypeError
        If a value is not allowed; the message names it.
    """

    method: str = "auto"
    contamination: float = 0.05
    n_prototypes: int | str = "auto"
    trim: float | str = "auto"
    training_is_clean: bool = False
    calibration: str = "global"
    decorrelate: bool = True
    n_maps: int | str = "auto"
    is_encoded: bool = False

    def __post_init__(self) -> None:
        check_choice("method", self.method, ("auto", *SCORES))
        check_number("contamination", self.contamination, 0, 0.5)
        check_whole("n_prototypes", self.n_prototypes, 1, high=MAX_PROTOTYPES, or_auto=True)
        check_number("trim", self.trim, 0, 0.5, low_is_allowed=True, or_auto=True)
        for name in ("training_is_clean", "decorrelate", "is_encoded"):
            value = getattr(self, name)
            if not isinstance(value, bool | np.bool_):
                raise TypeError(f"`{name}` must be True or False; got {value!r}.")
        check_whole("n_maps", self.n_maps, 1, high=MAX_MEMBERS, or_auto=True)
        check_choice("calibration", self.calibration, CALIBRATIONS)

    def of_rows(self, encoding: Encoding | None) -> "Detection":
        """Return the same for rows of an encoding; None: numbers as they are."""
        return replace(self, is_encoded=encoding is not None and not encoding.is_plain)

    @property
    def defaults(self) -> Defaults:
        """What "auto" chooses."""
        if not SCORES[self.score].adds_rarity:
            return DEFAULTS["alone, clean" if self.training_is_clean else "alone"]
        known = "clean" if self.training_is_clean else "mixed"
        return DEFAULTS[f"{known}, encoded" if self.is_encoded else known]

    @property
    def score(self) -> str:
        """Name of the score."""
        return next(iter(SCORES)) if self.method == "auto" else self.method

    @property
    def k(self) -> int:
        """Number of nearest prototypes."""
        if isinstance(self.n_prototypes, str):
            return self.defaults.n_prototypes
        return int(self.n_prototypes)

    @property
    def trimmed(self) -> float:
        """Share of the rows whose prototypes do not count as usual."""
        if isinstance(self.trim, str):
            return self.defaults.trim
        return float(self.trim)

    @property
    def decorrelated(self) -> float:
        """Share of a squared distance that is measured between decorrelated rows."""
        return self.defaults.decorrelated if self.decorrelate else 0.0

    @property
    def has_bulk(self) -> bool:
        """Whether the bulk of the scores tells how usual rows score."""
        # For "combined" alone: other scores have other tails.
        return SCORES[self.score].adds_rarity and not self.training_is_clean

    def maps_for(self, weights: Float64s | None, n_rows: int) -> int:
        """Number of maps that score together, for a number of rows."""
        if isinstance(self.n_maps, str):
            return 1 if self.training_is_clean else n_maps_for(weights, n_rows)
        return int(self.n_maps)

    def reasons(self, weights: Float64s | None, n_rows: int) -> dict[str, str]:
        """Return what was chosen for each parameter that is "auto", and why."""
        counts = counts_of(weights)
        total = f"{n_rows if counts is None else counts.sum():,.10g}"
        n_maps = self.maps_for(weights, n_rows)
        by_size = f"of {total} rows, more than {MAX_ROWS:,}, one map's list is steady enough"
        if n_maps > 1:
            by_size = (
                f"of {total} rows, at most {MAX_ROWS:,}, one map's list would depend on which rows "
                "happened to be there"
            )
        by_trust = (
            "all training rows are usual, so the map may follow them closely"
            if self.training_is_clean
            else "some training rows may be unusual, and must not set what is usual"
        )
        chosen = {
            "method": f"{self.score}: the default.",
            "n_maps": f"{n_maps}: {by_trust if self.training_is_clean else by_size}.",
            "n_prototypes": f"{self.k}: {by_trust}.",
            "trim": f"{self.trimmed:g}: {by_trust}.",
        }
        return {name: why for name, why in chosen.items() if _is_auto(getattr(self, name))}

    def of_map(self, settings: Settings) -> Settings:
        """Return settings of a map, with automatic values that suit detection."""
        is_free = settings.radius_end == settings.radius_start == "auto"
        follows = self.training_is_clean and is_free
        radius_end = CLEAN_RADIUS_END if follows else settings.radius_end
        n_init = 1 if settings.n_init == "auto" else settings.n_init
        return replace(
            settings,
            units_per_root=self.defaults.units_per_root,
            radius_end=radius_end,
            n_init=n_init,
        )


def _is_auto(value: object) -> bool:
    return isinstance(value, str) and value == "auto"
