"""List lines, tests and seconds of each test file, the longest first.

.env/VERSION/test/bin/python -m pytest --junitxml build/tests.xml
python tests/table_of_tests.py build/tests.xml
"""

import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(report: str) -> None:
    seconds, n_tests = Counter[str](), Counter[str]()
    for case in ET.parse(report).iter("testcase"):
        file = case.get("classname", "").replace(".", "/") + ".py"
        seconds[file] += float(case.get("time", 0))
        n_tests[file] += 1
    rows = [
        (len(path.read_text(encoding="utf-8").splitlines()), path.relative_to(ROOT).as_posix())
        for path in (ROOT / "tests").rglob("*.py")
    ]
    lines = [f"{'lines':>6} {'tests':>6} {'seconds':>8}  file"]
    for n_lines, file in sorted(rows, reverse=True):
        lines.append(f"{n_lines:6} {n_tests[file]:6} {seconds[file]:8.1f}  {file}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
