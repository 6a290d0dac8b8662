"""What is known about rows and map when training is planned."""

from dataclasses import dataclass

from somscape._weights import counted_rows
from somscape.fit._problem import Problem
from somscape.grid import Graph, Lattice
from somscape.kernels import SparseRows


@dataclass(frozen=True, eq=False)
class Facts:
    """What a plan depends on besides the settings.

    Attributes
    ----------
    lattice : Lattice
        The lattice of the full map.
    n_counted : float
        Number of rows, or their total weight if weights count rows.
    epoch_work : float
        Multiply-adds of an epoch of all rows on the full map: values of the rows times units.
    """

    lattice: Lattice
    n_counted: float
    epoch_work: float

    @classmethod
    def of(cls, problem: Problem, total_weight: float) -> "Facts":
        """Return the facts of a problem."""
        rows, lattice = problem.rows, problem.lattice
        n_counted = counted_rows(len(rows), total_weight)
        n_values = len(rows.values) if isinstance(rows, SparseRows) else rows.size
        # Small weights do not make an epoch shorter.
        work = n_values * max(1.0, n_counted / len(rows)) * lattice.n_units
        return cls(lattice, n_counted, work)

    @property
    def rows_per_unit(self) -> float:
        """Rows per unit of the full map."""
        return self.n_counted / self.lattice.n_units

    @property
    def is_graph(self) -> bool:
        """Whether the map is on a graph, so that there are no coarser maps."""
        return isinstance(self.lattice, Graph)
