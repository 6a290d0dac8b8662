"""Threads beyond a container's quota of processor time are not started."""

import os
import subprocess
import sys

import pytest

core_face = pytest.importorskip("somscape.kernels._core_face", reason="the core is not built")

PROBE = """
from somscape.kernels import _core
print(_core.n_threads())
_core.allow_processors(1)
print(_core.n_threads())
"""


def tree(root, line, **files):
    """Make a system whose process has one control group; files by folder and name."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(f"1:name=systemd:/else\n{line}\n")
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("cpu_", "cpu.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("0::/", {"cpu_max": "max 100000\n"}, None),
        ("0::/", {"cpu_max": "100000 100000\n"}, 1),
        ("0::/", {"cpu_max": "150000 100000\n"}, 2),
        ("0::/", {"cpu_max": "5000 100000\n"}, 1),
        # The least of a group and those around it.
        ("0::/a/b", {"a__b__cpu_max": "max 100000", "a__cpu_max": "300000 100000"}, 3),
        ("0::/a/b", {"a__b__cpu_max": "400000 100000", "a__cpu_max": "200000 100000"}, 2),
        # A container knows its group by the host's name, and has only the top.
        ("0::/docker/1f2e", {"cpu_max": "200000 100000"}, 2),
        ("4:cpu,cpuacct:/a", {"cpu__a__cpu_cfs_quota_us": "-1",
                              "cpu__a__cpu_cfs_period_us": "100000"}, None),
        ("4:cpu,cpuacct:/a", {"cpu__a__cpu_cfs_quota_us": "250000\n",
                              "cpu__a__cpu_cfs_period_us": "100000\n"}, 3),
        ("4:cpuset:/a", {"cpu__cpu_cfs_quota_us": "100000", "cpu__cpu_cfs_period_us": "100000"},
         None),
        ("0::/", {"cpu_max": "what"}, None),
        ("0::/", {}, None),
    ],
)  # fmt: skip
def test_the_least_quota_is_that_of_the_process_and_of_all_around_it(
    tmp_path, line, files, expected
):
    assert core_face.processors_by_quota(tree(tmp_path, line, **files)) == expected


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert core_face.processors_by_quota(tmp_path) is None


@pytest.mark.parametrize("is_asked", [False, True])
def test_a_quota_counts_unless_the_user_asks_for_threads(core, is_asked, monkeypatch):
    n = (os.cpu_count() or 1) + 1
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if is_asked:
        monkeypatch.setenv("OMP_NUM_THREADS", str(n))
    said = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert said.stdout.split()[1] == (str(n) if is_asked else "1")
