"""The report's data as a dict that a notebook shows as the page."""

import html
from collections.abc import Mapping
from typing import Any

from somscape.report._render import json_text, render, template


class Report(dict[str, Any]):
    """The data of a report, as plain JSON; `report.build` describes its keys.

    A notebook shows it as the page, in a frame of its own without access to the notebook.

    Parameters
    ----------
    data : mapping of str to JSON data

    See Also
    --------
    build : Makes one.
    render : Makes a page of it.

    Examples
    --------
    >>> import json
    >>> json.dumps(Report({"n_rows": 2}))
    '{"n_rows": 2}'
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)

    def to_json(self) -> str:
        """Return the data as JSON, in the form that the page holds and saves.

        Returns
        -------
        str
        """
        return json_text(self)

    def _repr_html_(self) -> str:
        return template("frame.html").substitute(
            title=html.escape(str(self["title"])), page=html.escape(render(self))
        )
