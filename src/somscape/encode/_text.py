"""Numbers as a person would write them."""

import math


def number_text(value: float, is_whole: bool = False, digits: int = 4) -> str:
    """Return a number in short decimal form.

    Parameters
    ----------
    value : float
        A finite number.
    is_whole : bool, default=False
        Round to a whole number and keep all its digits.
    digits : int, default=4
        Significant digits otherwise.

    Returns
    -------
    str
        Without exponent from 0.0001 up to 1e15.

    Examples
    --------
    >>> number_text(100001.4, is_whole=True), number_text(0.123456), number_text(1234.56)
    ('100001', '0.1235', '1235')
    """
    size = abs(value)
    if size != 0 and not 1e-4 <= size < 1e15:
        return f"{value:.{digits - 1}e}"
    if is_whole:
        return str(round(value))
    decimals = max(0, digits - 1 - math.floor(math.log10(size))) if size else 0
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
