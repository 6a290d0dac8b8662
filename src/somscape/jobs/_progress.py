"""How far the training of several maps, one after the other, has progressed."""

from dataclasses import dataclass

from somscape.fit import Progress


@dataclass
class MapCount:
    """Tells where the training of one map ends and that of the next begins.

    Attributes
    ----------
    n_done : int
        Number of finished maps.
    share : float
        Finished share of the current map, from 0 to 1.
    """

    n_done: int = 0
    share: float = 0.0

    def note(self, step: Progress) -> None:
        """Take in the progress passed to a callback."""
        share = step.step / step.n_steps
        if share <= self.share:
            self.n_done += 1
        self.share = share
