"""`predict`: what a saved model says of new rows."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from somscape.cli._console import gaps_of, make_console, say
from somscape.cli._out import check_result, format_of, writing
from somscape.errors import InputError
from somscape.jobs import agreement_words, predictions_of, reading_of, summary_words
from somscape.recognize import Predictor, Recognizer
from somscape.save import load
from somscape.tables import check_sheet, counted, read_table, table_bytes


def predict_file(model_file: str, path: str, out: str, **options: Any) -> None:
    """Predict the target of the rows of a file, and write one line each."""
    if out != "-":
        check_result("list", Path(out), model_file, path, options=options)
    kind = format_of(out, options["format"], bom=options["bom"])
    if out == "-" and kind != "csv" and sys.stdout.isatty():
        raise InputError(f"a .{kind} file is nothing to show in a terminal; give --out FILE.")
    model = _load_model(model_file)
    if options["reject"] is not None:
        model = _rejecting(model, options["reject"])
    table = read_table(path, **reading_of(path, options, model.map_.encoding.roles))
    predictions = predictions_of(model, table)
    if kind == "xlsx":
        check_sheet(table.n_rows, len(predictions.columns))
    content = table_bytes(kind, predictions, bom=options["bom"])
    if out != "-":
        with writing(Path(out), force=options["force"]) as making, making.open("wb") as file:
            file.writelines(content)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.writelines(content)
        sys.stdout.flush()
    console = make_console(to_stderr=True)
    say(console, f"{counted(table.n_rows, 'row')}: {summary_words(model, predictions)}.")
    for line in gaps_of(model.map_.encoding, table):
        say(console, line)
    agreement = agreement_words(model, table, predictions)
    if agreement is not None:
        say(console, agreement)


def _rejecting(model: Recognizer | Predictor, reject: float) -> Recognizer:
    if isinstance(model, Predictor):
        raise InputError(
            "`reject` is for classes, and this model predicts a number; leave it out. The column "
            "p_value says which rows lie far from all that it has seen."
        )
    return replace(model, reject=reject or None)


def _load_model(path: str) -> Recognizer | Predictor:
    thing = load(path)
    if not isinstance(thing, Recognizer | Predictor):
        raise InputError(
            f"{path} is a {type(thing).__name__.lower()} without a target, so it predicts nothing. "
            "Give the file of a `somscape fit --target`, or what a SOMClassifier or SOMRegressor "
            "saved."
        )
    return thing
