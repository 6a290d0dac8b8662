"""`--dictionary`: words for codes, in the list, the page and the roles file."""

import json
from pathlib import Path

import numpy as np
from command_line import run


def test_the_command_line_takes_a_dictionary(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    rng = np.random.default_rng(0)
    lines = [f"{rng.choice(['A1', 'A2'])},{value:.2f}" for value in rng.uniform(1, 9, 60)]
    table.write_text("job,amount\n" + "\n".join([*lines, "A2,99.5"]) + "\n")
    codes = tmp_path / "codes.csv"
    codes.write_text("column,code,words\njob,A2,nurse\namount,,Amount\n")
    out = tmp_path / "found"
    outcome = run("detect", str(table), "--dictionary", str(codes), "--out", str(out))
    assert outcome.code == 0, outcome.err
    lines = (out / "alerts.csv").read_text().splitlines()
    assert "Amount 99.5: highest of 61 rows; usual " in lines[1]
    assert lines[1].endswith("A2,99.5")  # the file's own cells
    assert "--dictionary" in json.loads((out / "report.json").read_text())["method"]["command"]
