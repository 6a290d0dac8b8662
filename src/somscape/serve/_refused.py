"""A request that is answered with a status and one line."""


class Refused(Exception):  # noqa: N818 - it is an answer, no fault of ours
    """A request that is answered with a status and one line.

    The line names columns, row numbers and kinds of things; never what a cell holds.

    Parameters
    ----------
    status : int
    problem : str
    """

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status, self.problem = status, problem
