"""Two tables of credit applications."""

from importlib.resources import as_file, files
from pathlib import Path

from somscape.errors import InputError
from somscape.tables._recoded import read_dictionary
from somscape.tables.sources import read_table
from somscape.tables.table import Table

CREDIT_APPLICATIONS_COLUMNS = ("CustomerID", *(f"A{i}" for i in range(1, 15)), "Class")
CREDIT_APPLICATIONS_ROWS = 690
CREDIT_APPLICATIONS = "credit_applications.csv"
GERMAN_CREDIT, GERMAN_CODES = "german_credit.csv", "german_credit_codes.csv"


def load_german_credit() -> Table:
    """Return 1,000 German credit applications with 20 features and a known outcome.

    The features are 7 columns of numbers and 13 categories, whose levels are written as codes.  The
    outcome ``class`` is 1 for a good risk (700 rows) and 2 for a bad risk (300 rows).  The table
    comes with somscape.

    Returns
    -------
    Table
        Table of shape (1000, 21).

    See Also
    --------
    load_german_credit_words : The meaning of the codes.

    References
    ----------
    H. Hofmann, Statlog (German Credit Data), UCI Machine Learning Repository,
    https://doi.org/10.24432/C5NC77, licence CC BY 4.0.

    Examples
    --------
    >>> from somscape import datasets
    >>> datasets.load_german_credit().shape
    (1000, 21)
    """
    with as_file(files("somscape.datasets") / GERMAN_CREDIT) as path:
        return read_table(path)


def load_german_credit_words() -> dict[str, dict[str, str]]:
    """Return words for the columns and codes in `load_german_credit`.

    Returns
    -------
    dict of str to dict of str to str
        For each column, a mapping from its codes to words, as ``TableEncoder(dictionary=)`` needs.
        The words for the empty code ``""`` describe the column itself.

    See Also
    --------
    load_german_credit : The table with the codes.

    Examples
    --------
    >>> from somscape import datasets
    >>> datasets.load_german_credit_words()["job"]["A173"]
    'skilled'
    """
    with as_file(files("somscape.datasets") / GERMAN_CODES) as path:
        return read_dictionary(path)


def load_credit_applications(path: str | Path | None = None) -> Table:
    """Return the 690 credit-card applications that a well-known SOM exercise uses.

    The table comes with somscape.  The data is Statlog (Australian Credit Approval) of UCI (OpenML
    data set 40981), with an invented first column ``customer``.  A1 to A14 are features.  Eight
    columns (A1 A4 A5 A6 A8 A9 A11 A12) are categories whose levels are written as whole numbers.
    The column ``class`` is the bank's decision (1 means approved), and not a label of fraud.

    Parameters
    ----------
    path : str or Path, default=None
        Path of the exercise's own file, ``Credit_Card_Applications.csv``.  By default, the table
        that comes with somscape is used.  The file has the same rows.  Its columns ``CustomerID``
        and ``Class`` are named ``customer`` and ``class`` in the returned table.

    Returns
    -------
    Table
        Table of shape (690, 16).

    Raises
    ------
    InputError
        If the file does not exist, or if its columns or its number of rows are not as expected.

    See Also
    --------
    load_german_credit : A larger table with words for its codes.

    References
    ----------
    R. Quinlan, Statlog (Australian Credit Approval), UCI Machine Learning Repository,
    https://doi.org/10.24432/C59012, licence CC BY 4.0.

    Examples
    --------
    >>> from somscape import datasets
    >>> datasets.load_credit_applications().shape
    (690, 16)
    """
    if path is None:
        with as_file(files("somscape.datasets") / CREDIT_APPLICATIONS) as bundled:
            return read_table(bundled)
    table = read_table(path)
    if table.names != CREDIT_APPLICATIONS_COLUMNS:
        raise InputError(
            f"{table.source} must have the columns {', '.join(CREDIT_APPLICATIONS_COLUMNS)}, but "
            f"has {', '.join(table.names)}. Give the file Credit_Card_Applications.csv.",
            file=table.source,
            value=", ".join(table.names),
            allowed=CREDIT_APPLICATIONS_COLUMNS,
        )
    if table.n_rows != CREDIT_APPLICATIONS_ROWS:
        raise InputError(
            f"{table.source} must have {CREDIT_APPLICATIONS_ROWS} rows, but has {table.n_rows}. "
            "Give the original file.",
            file=table.source,
            value=table.n_rows,
            allowed=CREDIT_APPLICATIONS_ROWS,
        )
    return table
