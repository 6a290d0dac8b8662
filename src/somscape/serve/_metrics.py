"""What the service counts, as Prometheus reads it: numbers of things, and no value of a row."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

TYPE = "text/plain; version=0.0.4; charset=utf-8"

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds."""


class Metrics:
    """Counters of one service, in a registry of its own.

    Attributes
    ----------
    under_way : Gauge
        Requests that are not answered yet.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "somscape_requests",
            "Requests by route and status code.",
            ("route", "code"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "somscape_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("route",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.under_way = Gauge(
            "somscape_requests_under_way",
            "Requests that are not answered yet.",
            registry=self._registry,
        )
        self._rows = Counter(
            "somscape_rows", "Rows that were answered.", ("route",), registry=self._registry
        )
        self._flagged = Counter(
            "somscape_rows_flagged", "Rows that were flagged.", registry=self._registry
        )
        self._maps = Counter(
            "somscape_map_reloads",
            "Files that took the place of the map's, taken over or refused.",
            ("outcome",),
            registry=self._registry,
        )
        for outcome in ("taken", "refused"):
            self._maps.labels(outcome)

    def request(self, route: str, code: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, str(code)).inc()
        self._seconds.labels(route).observe(seconds)

    def rows(self, route: str, n_rows: int, n_flagged: int = 0) -> None:
        """Count rows that were answered."""
        self._rows.labels(route).inc(n_rows)
        self._flagged.inc(n_flagged)

    def reload(self, is_taken: bool) -> None:
        """Count a file that took the place of the map's."""
        self._maps.labels("taken" if is_taken else "refused").inc()

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self._registry)
