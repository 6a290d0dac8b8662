"""What the library says, without its advice for the command line."""

import re

_HINT = re.compile(r"; --id .*?\?")
_ASIDE = re.compile(r" \((?:[^()]*? )?--[a-z].*?\)(?=[.,;: ]|$)")


def for_page(text: str) -> str:
    """Return a message in one line, without what stands in parentheses for the command line.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> for_page("t.csv, line 3: not utf-8 text; name its encoding (--encoding).")
    't.csv, line 3: not utf-8 text; name its encoding.'
    """
    return _ASIDE.sub("", _HINT.sub("", " ".join(text.split())))
