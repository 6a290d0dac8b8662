"""How many processors a container or another control group leaves to this process, on Linux."""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def processors_by_quota(root: Path = Path("/")) -> int | None:
    """Return the least quota of the process's control groups in processors; None without one."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    shares = [share for line in lines for share in _shares(root / "sys/fs/cgroup", line)]
    return max(1, math.ceil(min(shares))) if shares else None


def _shares(mounted: Path, line: str) -> Iterator[float]:
    """Yield the quotas of a group and those around it, from its line of ``/proc/self/cgroup``."""
    _, controllers, place = line.split(":", 2)
    if controllers and "cpu" not in controllers.split(","):
        return
    top = mounted / "cpu" if controllers else mounted
    group = top / place.lstrip("/")  # in a container this may be the host's name of `top`
    for folder in (group, *group.parents):
        with suppress(OSError, ValueError):
            quota, period = _quota(folder, is_old=bool(controllers))
            if quota > 0 and period > 0:
                yield quota / period
        if folder == top:
            return


def _quota(folder: Path, *, is_old: bool) -> tuple[int, int]:
    """Return microseconds per period; ValueError or -1 where there is no limit."""
    if is_old:
        names = "cpu.cfs_quota_us", "cpu.cfs_period_us"
        quota, period = ((folder / name).read_text() for name in names)
    else:
        quota, period = (folder / "cpu.max").read_text().split()
    return int(quota), int(period)
