"""The commands of the page about audits do what the page says, in its order."""

import re
import shlex
from pathlib import Path

import pytest
from command_line import run, write

PAGE = Path(__file__).resolve().parents[3] / "docs" / "operate" / "auditing.md"
FORGET = "somscape cases forget cards c005 --audit-key audit.key"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_an_audit_as_the_page_tells_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMSCAPE_STATE", str(here / "state"))
    rows = [f"c{i:03d},{1000 + i * 37 % 500 + 9000 * (i in (5, 9))}" for i in range(60)]
    write(Path("january.csv"), "id,income", rows)
    Path("audit.key").write_text("5f" * 32)
    Path("audit.key").chmod(0o600)
    noted, said = "", {}
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    lines = "".join(text for language, text in blocks if not language).splitlines()
    for line in (line for line in lines if line.startswith("somscape ")):
        words = shlex.split(line.replace("$(cat noted.txt)", noted))
        done = run(*words[1 : words.index(">") if ">" in words else None])
        assert done.code == 0, (line, done.err, done.out)
        noted = done.out.strip() if ">" in words else noted
        said[line] = done.out
    assert len(said) == 14
    assert "The audit is valid." in said["somscape audit verify"]
    assert "of line 3," in said["somscape audit verify --head $(cat noted.txt)"]
    assert "has the seal of this key." in said["somscape audit verify --audit-key audit.key"]
    assert "Forgot 1 case" in said[FORGET]
    assert "5 lines of the audit" in said["somscape restore monday.sqlite --state restored"]
