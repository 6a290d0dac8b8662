"""How far the training of several maps, one after the other, has come."""

from dataclasses import dataclass

from somscape.fit import Progress


@dataclass
class MapCount:
    """Tells where one map's training ends and the next one's begins.

    Attributes
    ----------
    n_done : int
        Maps that are finished.
    share : float
        What is done of the current one, from 0 to 1.
    """

    n_done: int = 0
    share: float = 0.0

    def note(self, step: Progress) -> None:
        """Take in what a callback is told.

        Parameters
        ----------
        step : Progress
        """
        share = step.step / step.n_steps
        if share <= self.share:
            self.n_done += 1
        self.share = share
