"""A process that decides without end, each decision with a token, and says which were kept.

``python deciding.py PLACE NAME``: a line ``kept TOKEN`` for each decision that was answered.
One that was not, because the server was gone, is sent again with the same token.
"""

import sys
import time

from somscape.desk.cases import Decision, State
from somscape.errors import InputError

KEYS = ("a", "b", "c")


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(place: str, name: str) -> None:
    state = None
    n = 0
    while True:
        token = f"{name}-{n}"
        try:
            state = state or State(place)
            said = Decision("cards", KEYS[n % 3], "later", "", name)
            number = state.decide(said, token=token).number
        except InputError as error:
            say("again", error)
            time.sleep(0.02)
            continue
        say("kept", token, number)
        n += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
