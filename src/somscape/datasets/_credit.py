"""Two tables of credit applications with the bank's decision or the outcome."""

from importlib.resources import as_file, files
from pathlib import Path

from somscape.errors import InputError
from somscape.tables._dictionary import read_dictionary
from somscape.tables.sources import read_table
from somscape.tables.table import Table

CREDIT_APPLICATIONS_COLUMNS = ("CustomerID", *(f"A{i}" for i in range(1, 15)), "Class")
CREDIT_APPLICATIONS_ROWS = 690
GERMAN_CREDIT, GERMAN_CODES = "german_credit.csv", "german_credit_codes.csv"


def load_german_credit() -> Table:
    """Return 1,000 credit applications with 20 features and the outcome `class`.

    7 numbers and 13 categories as text codes; ``class`` is 1 for a good risk (700 rows) and 2
    for a bad one (300).  Comes with the package.

    Returns
    -------
    Table
        Of shape (1000, 21).

    See Also
    --------
    load_german_credit_words : What its codes mean.

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
    """Return words for the columns and codes of `load_german_credit`.

    Returns
    -------
    dict of str to dict of str to str
        By column, words of its codes, and of the empty code, which stands for the column itself;
        for ``TableEncoder(dictionary=)``.

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


def load_credit_applications(path: str | Path) -> Table:
    """Read the 690 credit-card applications of the well-known SOM exercise.

    The file is UCI's Statlog (Australian Credit Approval), OpenML data set 40981, with a
    header line and an invented ``CustomerID`` in front; it does not come with somscape.  UCI
    (https://doi.org/10.24432/C59012) and OpenML offer the data, course pages the file with
    ids, usually as ``Credit_Card_Applications.csv``.  A1 to A14 are features: eight of them
    (A1 A4 A5 A6 A8 A9 A11 A12) are categories written as whole numbers.  ``Class`` is the
    bank's decision, 1 for approved: no label of fraud.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Table
        Of shape (690, 16).

    Raises
    ------
    InputError
        When the file is missing, or its columns or number of rows differ.

    See Also
    --------
    load_german_credit : A table that comes with somscape.

    Examples
    --------
    >>> from somscape.datasets import load_credit_applications
    >>> table = load_credit_applications("Credit_Card_Applications.csv")  # doctest: +SKIP
    >>> len(table.names)  # doctest: +SKIP
    16
    """
    table = read_table(path)
    if table.names != CREDIT_APPLICATIONS_COLUMNS:
        raise InputError(
            f"{table.source}: expected the columns {', '.join(CREDIT_APPLICATIONS_COLUMNS)}; got "
            f"{', '.join(table.names)}. Give the file Credit_Card_Applications.csv.",
            file=table.source,
            value=", ".join(table.names),
        )
    if table.n_rows != CREDIT_APPLICATIONS_ROWS:
        raise InputError(
            f"{table.source}: expected {CREDIT_APPLICATIONS_ROWS} rows; got {table.n_rows}. The "
            "file is cut or extended; give the whole one.",
            file=table.source,
            value=table.n_rows,
        )
    return table
