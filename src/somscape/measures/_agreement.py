"""How well a ranking agrees with a label that it has not seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s
from somscape.errors import InputError


@dataclass(frozen=True)
class Agreement:
    """Agreement of a ranking with a label.

    Attributes
    ----------
    auroc : float
        Chance that a labelled row ranks above another row; 0.5 is no agreement.
    precision : float
        Share of labelled rows among the first ``n_alerts``.
    lift : float
        Precision divided by the share of labelled rows among all.
    n_labelled, n_rows, n_alerts : int

    See Also
    --------
    label_agreement : Makes one.

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


def label_agreement(scores: Float64s, is_labelled: NDArray[np.bool_], n_alerts: int) -> Agreement:
    """Compare scores with a label.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
        Higher for more unusual.
    is_labelled : ndarray of shape (n_rows,), bool
        At least one True and one False.
    n_alerts : int
        Number of the highest scores that are alerts; equal scores count in the order given.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        For labels that are not True and False, one for each score and both of them there.

    See Also
    --------
    Agreement : What it returns.

    Examples
    --------
    >>> import numpy as np
    >>> label_agreement(np.array([3.0, 2.0, 1.0]), np.array([True, False, False]), 1).auroc
    1.0
    """
    scores, is_labelled = np.asarray(scores, np.float64), np.asarray(is_labelled)
    if scores.ndim != 1 or is_labelled.shape != scores.shape or is_labelled.dtype != bool:
        raise InputError(
            "`is_labelled` must be True or False for each of `scores`; got "
            f"{is_labelled.dtype} of shape {is_labelled.shape} for {scores.shape}."
        )
    n_labelled = int(is_labelled.sum())
    n_others = len(scores) - n_labelled
    if not n_labelled or not n_others:
        raise InputError(
            f"`is_labelled` must have a row of each kind; got {n_labelled} labelled rows and "
            f"{n_others} others."
        )
    # Mann-Whitney: tied scores share their ranks.
    _, position, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[position]
    wins = rank[is_labelled].sum() - n_labelled * (n_labelled + 1) / 2
    first = np.argsort(-scores, kind="stable")[:n_alerts]
    precision = float(is_labelled[first].mean()) if n_alerts else float("nan")
    return Agreement(
        float(wins / (n_labelled * n_others)),
        precision,
        precision / (n_labelled / len(scores)),
        n_labelled,
        len(scores),
        n_alerts,
    )
