"""Compare a ranking with labels of rows."""

from dataclasses import dataclass

import numpy as np

from somscape._types import Bools, Float64s
from somscape.errors import InputError


@dataclass(frozen=True)
class Agreement:
    """Agreement of a ranking with labels.

    Attributes
    ----------
    auroc : float
        Probability that a labelled row ranks above a row without a label.  0.5 means no agreement.
    precision : float
        Share of labelled rows among the first ``n_alerts`` rows of the ranking.
    lift : float
        `precision` divided by the share of labelled rows among all rows.
    n_labelled, n_rows, n_alerts : int

    See Also
    --------
    label_agreement : Computes the agreement.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.measures import label_agreement
    >>> label_agreement(np.array([3.0, 2.0, 1.0]), np.array([True, False, False]), 1).precision
    1.0
    """

    auroc: float
    precision: float
    lift: float
    n_labelled: int
    n_rows: int
    n_alerts: int


def label_agreement(scores: Float64s, is_labelled: Bools, n_alerts: int) -> Agreement:
    """Return the agreement of scores with labels.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
        Scores of the rows.  Higher scores mean more unusual rows.
    is_labelled : ndarray of shape (n_rows,), bool
        Whether each row is labelled, with at least one True and one False.
    n_alerts : int
        Number of alerts, which are the rows with the highest scores.  Rows with equal scores keep
        their order.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        If `is_labelled` is not True or False for each score, or if all its values are equal.

    See Also
    --------
    Agreement : The returned object.

    Examples
    --------
    >>> import numpy as np
    >>> label_agreement(np.array([3.0, 2.0, 1.0]), np.array([True, False, False]), 1).auroc
    1.0
    """
    scores, is_labelled = np.asarray(scores, np.float64), np.asarray(is_labelled)
    if scores.ndim != 1 or is_labelled.shape != scores.shape or is_labelled.dtype != bool:
        raise InputError(
            f"`is_labelled` must be True or False for each of `scores` (shape {scores.shape}), but "
            f"is {is_labelled.dtype} of shape {is_labelled.shape}.",
            value=is_labelled.dtype,
        )
    n_labelled = int(is_labelled.sum())
    n_others = len(scores) - n_labelled
    if not n_labelled or not n_others:
        raise InputError(
            f"`is_labelled` must contain both True and False, but contains {n_labelled} True and "
            f"{n_others} False.",
            value=n_labelled,
        )
    # Equal scores share their ranks, as in the test of Mann and Whitney.
    _, position, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[position]
    wins = rank[is_labelled].sum() - n_labelled * (n_labelled + 1) / 2
    first = np.argsort(-scores, kind="stable")[:n_alerts]
    precision = float(is_labelled[first].mean()) if n_alerts else float("nan")
    auroc, lift = float(wins / (n_labelled * n_others)), precision / (n_labelled / len(scores))
    return Agreement(auroc, precision, lift, n_labelled, len(scores), n_alerts)
