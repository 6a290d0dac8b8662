"""Two tables with planted cases, so that the right answer is known.

Only `Generator.random` is used, and only operations whose rounding IEEE 754 defines, so that a seed
gives the same tables on every computer and with every version of NumPy.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np

from somscape._elementary import exp
from somscape._types import Float64s, Ints
from somscape.datasets._credit import CREDIT_APPLICATIONS

Columns: TypeAlias = dict[str, list[str]]
"""The cells of a table as texts, by column."""

Rows: TypeAlias = dict[str, Ints]
"""Payments as whole numbers, by column."""

Fits: TypeAlias = Callable[[dict[str, str]], bool]
"""Function that returns whether an error can be planted into a row."""


@dataclass(frozen=True)
class Planted:
    """A planted case.

    Attributes
    ----------
    id : str
        Customer with the case.
    text : str
        What is wrong.
    columns : tuple of str
        Columns with wrong values, or nothing if whole rows are wrong.
    """

    id: str
    text: str
    columns: tuple[str, ...] = ()


MERCHANTS = {
    "Corner Grocery": (22, 1.0, False),
    "City Market": (18, 1.6, False),
    "Fuel Stop": (12, 2.2, False),
    "Cafe Blue": (14, 0.3, False),
    "Bakery Lane": (12, 0.3, False),
    "Pharmacy 24": (7, 0.9, False),
    "Pizza Corner": (8, 1.0, False),
    "Book Nook": (4, 0.9, False),
    "Shoe Barn": (3, 3.0, False),
    "Garden Hut": (2, 2.5, False),
    "Electro World": (2, 6.0, False),
    "Cash Desk": (5, 4.0, False),
    "Online Market": (14, 1.5, True),
    "Streaming Plus": (6, 0.5, True),
    "Taxi App": (6, 0.7, True),
    "Game Store": (4, 0.8, True),
    "Rail Tickets": (4, 1.8, True),
    "Airline XY": (1, 9.0, True),
    "Gift Cards Now": (1, 2.0, True),
}
"""Weight, relative size of payments, and whether payments are online, by the merchant's name."""

NAMES = list(MERCHANTS)
CHANNELS, COUNTRIES = ("contactless", "chip", "online"), ("CH", "DE", "FR", "IT", "AT", "RO", "BR")
COUNTRY_WEIGHTS = (950, 20, 12, 10, 6, 1, 1)
HOUR_WEIGHTS = [
    *(2, 1, 1, 1, 1, 3, 10, 20, 28, 26, 28, 34),
    *(44, 34, 28, 28, 32, 42, 48, 38, 26, 16, 10, 5),
]
DAY_WEIGHTS = (13, 13, 14, 14, 18, 20, 8)
N_CUSTOMERS, N_WEEKS, START = 400, 13, np.datetime64("2025-03-31T00:00:00")
DAY, HOUR = 86_400, 3_600
FEWEST, MOST, N_FAVORITES = 15, 60, 6
"""Fewest and most payments of a customer, and number of merchants that a customer prefers."""


class _Payments:
    """Draws payments of customers.

    A payment has the customer, the second after `START`, the amount in cents, and the positions of
    the merchant, channel and country.
    """

    def __init__(self, seed: int) -> None:
        self._uniform = np.random.default_rng(seed).random
        self.size = exp(3.2 + 0.4 * self._normal(N_CUSTOMERS))
        weights = [weight for weight, _, _ in MERCHANTS.values()]
        self._favorites = self._pick(weights, (N_CUSTOMERS, N_FAVORITES))
        self._weights = weights

    def _normal(self, n: int) -> Float64s:
        """Return sums of twelve uniform numbers, which are nearly normal."""
        return self._uniform((12, n)).sum(axis=0) - 6

    def _pick(self, weights: Sequence[int], shape: Any) -> Ints:
        """Return random positions with the given weights."""
        share = self._uniform(shape) * sum(weights)
        return np.searchsorted(np.cumsum(weights), share, side="right")

    def between(self, low: float, high: float, n: int) -> Ints:
        """Return random whole numbers from `low` up to, but without, `high`."""
        return np.floor(low + (high - low) * self._uniform(n)).astype(np.intp)

    def counts(self) -> Ints:
        """Return a random number of payments for each customer."""
        return self.between(FEWEST, MOST + 1, N_CUSTOMERS)

    def shuffled(self) -> Ints:
        """Return the positions of all customers in random order."""
        return np.argsort(self._uniform(N_CUSTOMERS), kind="stable")

    def of(self, customer: Ints) -> Rows:
        """Return one usual payment for each element of `customer`."""
        n = len(customer)
        favorite = self._favorites[customer, self.between(0, N_FAVORITES, n)]
        is_usual = self._uniform(n) < 0.9
        merchant = np.where(is_usual, favorite, self._pick(self._weights, n))
        factor = np.array([factor for _, factor, _ in MERCHANTS.values()])[merchant]
        is_online = np.array([online for *_, online in MERCHANTS.values()])[merchant]
        amount = self.size[customer] * factor * exp(0.5 * self._normal(n))
        day = 7 * self.between(0, N_WEEKS, n) + self._pick(DAY_WEIGHTS, n)
        return {
            "customer": customer,
            "second": DAY * day + HOUR * self._pick(HOUR_WEIGHTS, n) + self.between(0, HOUR, n),
            "cents": np.maximum(np.rint(100 * amount), 100).astype(np.intp),
            "merchant": merchant,
            "channel": np.where(is_online, 2, self._pick((65, 35), n)),
            "country": self._pick(COUNTRY_WEIGHTS, n),
        }


def _joined(*parts: Rows) -> Rows:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _taken(rows: Rows, which: Any) -> Rows:
    return {name: values[which] for name, values in rows.items()}


def _at(place: str, channel: str, country: str = "CH") -> dict[str, int]:
    """Return the positions of a merchant, a channel and a country."""
    return {
        "merchant": NAMES.index(place),
        "channel": CHANNELS.index(channel),
        "country": COUNTRIES.index(country),
    }


def card_transactions(seed: int = 0) -> tuple[Columns, list[Planted]]:
    """Return generated card payments of 400 customers in 13 weeks, and six planted frauds.

    No person and no bank is behind the payments.  Customers have usual amounts, favorite merchants
    and ordinary hours, and now and then pay elsewhere or abroad.  The frauds are planted into
    customers who are chosen at random.
    """
    draw = _Payments(seed)
    rows = draw.of(np.repeat(np.arange(N_CUSTOMERS), draw.counts()))
    planted = []
    for customer, (text, plant) in zip(draw.shuffled(), FRAUDS.items(), strict=False):
        rows = plant(draw, rows, int(customer))
        planted.append(Planted(f"C{customer + 1:04d}", text))
    rows = _taken(rows, np.lexsort((rows["customer"], rows["second"])))
    shown = (START + rows["second"].astype("timedelta64[s]")).astype(str)
    return {
        "payment": [f"T{100_000 + i}" for i in range(len(shown))],
        "customer": [f"C{i + 1:04d}" for i in rows["customer"]],
        "time": [text.replace("T", " ") for text in shown],
        "amount": [f"{cents // 100}.{cents % 100:02d}" for cents in rows["cents"]],
        "merchant": [NAMES[i] for i in rows["merchant"]],
        "channel": [CHANNELS[i] for i in rows["channel"]],
        "country": [COUNTRIES[i] for i in rows["country"]],
    }, planted


def _more(draw: _Payments, rows: Rows, customer: int, n: int, **changed: Any) -> Rows:
    """Add `n` payments of a customer, which are usual except for the changed values."""
    given = {name: np.broadcast_to(value, n) for name, value in changed.items()}
    return _joined(rows, draw.of(np.full(n, customer)) | given)


def _burst(draw: _Payments, rows: Rows, customer: int) -> Rows:
    second = 45 * DAY + 14 * HOUR + draw.between(0, HOUR, 24)
    return _more(draw, rows, customer, 24, second=second, **_at("Online Market", "online"))


def _takeover(draw: _Payments, rows: Rows, customer: int) -> Rows:
    cents = np.rint(1000 * draw.size[customer]).astype(np.intp) + draw.between(0, 5000, 8)
    second = 80 * DAY + draw.between(8 * HOUR, 46 * HOUR, 8)
    place = _at("Electro World", "online", "RO")
    return _more(draw, rows, customer, 8, second=second, cents=cents, **place)


def _just_below(draw: _Payments, rows: Rows, customer: int) -> Rows:
    second = DAY * np.arange(4, 88, 6) + draw.between(9 * HOUR, 18 * HOUR, 14)
    cents = draw.between(95_000, 100_000, 14)
    return _more(draw, rows, customer, 14, second=second, cents=cents, **_at("Cash Desk", "chip"))


def _dormant(draw: _Payments, rows: Rows, customer: int) -> Rows:
    rows = _taken(rows, rows["customer"] != customer)
    rows = _more(draw, rows, customer, 8, second=draw.between(0, 20 * DAY, 8))
    second = 80 * DAY + draw.between(8 * HOUR, 46 * HOUR, 18)
    return _more(draw, rows, customer, 18, second=second)


def _tested(draw: _Payments, rows: Rows, customer: int) -> Rows:
    second = DAY * draw.between(60, 62, 15) + draw.between(2 * HOUR, 4 * HOUR, 15)
    cents = draw.between(100, 300, 15)
    place = _at("Gift Cards Now", "online")
    return _more(draw, rows, customer, 15, second=second, cents=cents, **place)


def _booked_twice(draw: _Payments, rows: Rows, customer: int) -> Rows:
    return _joined(rows, _taken(rows, rows["customer"] == customer))


FRAUDS: dict[str, Callable[[_Payments, Rows, int], Rows]] = {
    "24 payments within an hour": _burst,
    "taken over: 8 payments of 10 times the usual size, abroad": _takeover,
    "14 cash withdrawals just below 1,000": _just_below,
    "60 days without a payment, then 18 within two days": _dormant,
    "15 payments of less than 3, at night, to test the card": _tested,
    "every payment booked twice": _booked_twice,
}
"""Functions that plant a fraud into the payments of a customer, by what the fraud is."""


def flawed_applications(seed: int = 0) -> tuple[Columns, list[Planted]]:
    """Return the 690 credit-card applications with eight planted errors.

    The rows are chosen at random.  One error adds a row, so the table has 691 rows.
    """
    text = (files("somscape.datasets") / CREDIT_APPLICATIONS).read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    order = np.argsort(np.random.default_rng(seed).random(len(rows)), kind="stable")
    free, planted = [rows[i] for i in order], []

    def plant(what: str, *columns: str, fits: Fits = lambda row: True) -> dict[str, str]:
        row = next(filter(fits, free))
        free.remove(row)
        planted.append(Planted(row["customer"], what, columns))
        return row

    plant("A2 is 127", "A2")["A2"] = "127"
    row = plant("A3 has a wrong sign", "A3", fits=lambda row: float(row["A3"]) > 1)
    row["A3"] = f"-{row['A3']}"
    plant("A13 is 9999, a code for a missing value", "A13")["A13"] = "9999"
    row = plant("A7 lost its decimal point", "A7", fits=lambda row: float(row["A7"]) > 2)
    row["A7"] = f"{1000 * float(row['A7']):.0f}"
    plant("A4 is 7, a code that does not exist", "A4")["A4"] = "7"
    row = plant("A9 is 0 although A10 is not", "A9", "A10", fits=lambda row: row["A9"] == "1")
    row["A9"] = "0"
    row = plant("A3 and A7 are exchanged", "A3", "A7", fits=lambda row: row["A3"] != row["A7"])
    row["A3"], row["A7"] = row["A7"], row["A3"]
    again = plant("is also in the table under another id")
    rows.append({**again, "customer": f"C{len(rows) + 1}"})
    return {name: [row[name] for row in rows] for name in again}, planted
