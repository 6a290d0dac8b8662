"""Make the HTML page of a report from templates and the data of the report."""

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from somscape._validate import check_is

SCRIPTS = (
    "elements.js", "page.js", "classes.js", "changed.js", "checks.js", "colors.js", "map.js",
    "legend.js", "planes.js", "regions.js", "changes.js", "edit.js", "choose.js", "list.js",
    "case.js", "columns.js", "export.js", "about.js", "address.js",
)  # fmt: skip
"""JavaScript files of the report page, in the order in which they are joined into one module."""

_JSON_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
"""Characters that are escaped in JSON, so that texts cannot open or close HTML elements."""


def render(
    data: Mapping[str, Any], made_at: str | None = None, *, script: str = "", style: str = ""
) -> str:
    """Return the report as an HTML page that works without a network.

    Parameters
    ----------
    data : mapping
        Data from `build`.
    made_at : str, optional
        Date in the footer of the page.  Without a date, the same data always give the same page.
    script, style : str, optional
        JavaScript and CSS that a server adds to the page.  The script runs before the page is
        drawn, and can extend the JavaScript object `additions`.  With a script, the page may
        connect to its own server, but not to other servers.

    Returns
    -------
    str
        HTML text of the page, which must be saved as UTF-8.  The security policy of the page
        contains the hashes of its style and script, and forbids all other styles and scripts.

    Raises
    ------
    TypeError
        If `data` is not the data of a report (for example, if `data` is a detector).

    See Also
    --------
    build : Returns the data of a report.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector, report, tables
    >>> x = np.random.default_rng(0).normal(size=60)
    >>> table = tables.table_from_columns({"x": x, "y": x**2})
    >>> detector = SOMDetector(random_state=0).fit(table)
    >>> data = report.build(detector, table, detector.alerts(table, 3))
    >>> page = report.render(data)
    >>> "http://" in page or "https://" in page
    False
    """
    cure = " Call report.render(report.build(detector, table))."
    check_is("data", data, Mapping, "the result of somscape.report.build", cure)
    style = page_part("report.css") + style
    *parts, last = map(page_part, SCRIPTS)
    # The block keeps the names of the script local.
    added = f"{{\n{script}\n}}\n" if script else ""
    script = "\n".join([*parts, added + last])
    return template("report.html").substitute(
        title=html.escape(str(data["title"])),
        made_at=html.escape(made_at or ""),
        connect="'self'" if added else "'none'",
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data=json_text(data).translate(_JSON_ESCAPES),
    )


@cache
def page_part(name: str) -> str:
    """Return the text of a page template."""
    return (files("somscape.report") / "templates" / name).read_text(encoding="utf-8")


def json_text(data: Mapping[str, Any]) -> str:
    """Return data as compact JSON.  NaN and infinity are not allowed."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def template(name: str) -> Template:
    """Return a file from the folder `templates` as a string.Template object."""
    return Template(page_part(name))


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return base64.b64encode(digest).decode("ascii")


class Report(dict[str, Any]):
    """Data of a report as plain JSON, with the keys that `report.build` describes.

    In a notebook, the report is displayed as a page, in a frame that cannot access the notebook.

    Parameters
    ----------
    data : mapping of str to JSON data

    See Also
    --------
    build : Returns a report.
    render : Converts a report to a page.

    Examples
    --------
    >>> import json
    >>> json.dumps(Report({"n_rows": 2}))
    '{"n_rows": 2}'
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)

    def to_json(self) -> str:
        """Return the data as JSON text, as in the page and in saved files.

        Returns
        -------
        str
        """
        return json_text(self)

    def _repr_html_(self) -> str:
        return template("frame.html").substitute(
            title=html.escape(str(self["title"])), page=html.escape(render(self))
        )
