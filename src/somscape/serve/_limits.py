"""How much a request may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much a request may ask for.

    Parameters
    ----------
    max_body : int, default=32_000_000
        Bytes of a body.  What becomes of them in memory is up to some forty times as large.
    max_rows : int, default=100_000
    """

    max_body: int = 32_000_000
    max_rows: int = 100_000

    @property
    def in_words(self) -> str:
        """Return the limits as the answer to a request beyond them."""
        return f"{self.max_body / 1e6:g} MB (--max-body) and {self.max_rows:,} rows (--max-rows)"
