"""Examples in docstrings of `somscape.desk.cases` run in a folder with what they read."""

import shutil

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _desk(request):
    """Give examples that open "state" the watch "cards", the next table, and decisions."""
    example = getattr(request.node, "dtest", None)  # only examples have one
    if example is not None and 'State("state")' in str(example.docstring):
        begun, desk = map(request.getfixturevalue, ("begun", "tmp_path"))
        shutil.copytree(begun, desk, dirs_exist_ok=True)
        request.getfixturevalue("monkeypatch").chdir(desk)


@pytest.fixture(scope="session")
def begun(tmp_path_factory):
    """A folder in which a watch has begun by a command."""
    from command_line import run_process

    desk, numbers = tmp_path_factory.mktemp("desk"), np.random.default_rng(0).normal(5, 1, (60, 2))
    for month, slip in (("january", 5), ("february", 6)):
        lines = [f"c{i:03},{x:.1f},{y:.1f}" for i, (x, y) in enumerate(numbers)]
        lines[slip] = f"c{slip:03},950,5"
        (desk / f"{month}.csv").write_text("\n".join(["id,amount,rate", *lines, ""]))
    (desk / "decided.csv").write_text("id,decision,comment\nc005,cleared,a slip\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk)
        patch.setenv("SOMSCAPE_STATE", "state")
        command = "detect january.csv --id id --alerts 3 --watch cards --out found"
        assert run_process(*command.split()).code == 0
    return desk
