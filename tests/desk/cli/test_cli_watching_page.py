"""The commands of the page about watches do what the page says, in its order."""

import json
import re
import shlex
from pathlib import Path

import pytest
from command_line import run

PAGE = Path(__file__).resolve().parents[3] / "docs" / "operate" / "watching.md"
BLOCK = re.compile(r"^```(python)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def changed(folder: str) -> dict[str, object]:
    data = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
    return dict(data["changed"])


@pytest.mark.nightly
def test_three_months_as_the_page_tells_them(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMSCAPE_STATE", str(here / "state"))
    codes = {}
    for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language:
            exec(compile(text, PAGE.name, "exec"), {})
        for line in text.splitlines():
            if line.startswith("somscape "):
                done = run(*shlex.split(line)[1:])
                codes[line] = done.code
                assert done.code in (0, 3), (line, done.err)
    assert [code for line, code in codes.items() if " run " in line] == [3, 3, 0]
    february, march = changed("february"), changed("march")
    news = {case["key"]: case["news"] for case in february["cases"]}  # type: ignore[attr-defined]
    assert (news["c005"], news["c009"], news["c020"]) == ("folded", "returned", "new")
    why = [case["why"] for case in february["cases"] if case["why"]]  # type: ignore[attr-defined]
    assert "income moved from 60000 to 600000" in why[0]
    assert february["unseen"][0]["keys"] == ["c033"]  # type: ignore[index]
    drift = f"{march['drift']['sentence']} {march['if_wrong']}"  # type: ignore[index]
    assert drift in " ".join(PAGE.read_text(encoding="utf-8").split())
    assert march["train_anew"]
