"""`card`: what a model was made from and is for, for people and programs."""

import hashlib
import json
from pathlib import Path
from typing import Any

import click

from somscape.cases import card_of, card_text, watch_history
from somscape.cli._console import make_console, say
from somscape.cli._out import check_result, writing
from somscape.cli._state import open_state
from somscape.jobs import reading_of
from somscape.maps import as_map
from somscape.save import load
from somscape.tables import read_table


def write_card(
    map_file: str, path: str | None, out: Path | None, *, watch: str | None, **options: Any
) -> None:
    """Print a card, or write it as its file's name says."""
    if out is not None:
        check_result("card", out, map_file, path, options=options)
    thing = load(map_file)
    hash_ = hashlib.sha256(Path(map_file).read_bytes()).hexdigest()
    table = history = None
    if path is not None:
        roles = as_map(thing).encoding.roles
        table = read_table(path, **reading_of(path, options, roles))
    if watch is not None:
        with open_state(options) as state:
            history = watch_history(state, watch, hash_)
    card = card_of(thing, hash_, table=table, history=history)
    is_json = out is not None and out.suffix.lower() == ".json"
    text = card_text(card, Path(map_file).name)
    if is_json:
        text = json.dumps(card, ensure_ascii=False, indent=1) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    with writing(out, force=options["force"]) as making:
        making.write_bytes(text.encode())
    say(make_console(), f"Wrote {out}")
