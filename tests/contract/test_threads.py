"""The core's own threads: how many there are, and that nobody waits for one that cannot run."""

import contextlib
import ctypes
import os
import select
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from somscape.fit import problem as passes
from somscape.kernels._select import is_core_built

SOURCE = Path(passes.__file__).resolve().parents[2]
TASKS = Path("/proc/self/task")

pytestmark = [
    pytest.mark.skipif(
        not is_core_built(), reason="the NumPy kernels have no threads of their own"
    ),
    pytest.mark.skipif(not TASKS.exists(), reason="threads are counted where Linux lists them"),
]

# Kernels alone: training would also start the threads of NumPy's linear algebra.
SETUP = """
import hashlib, os, sys
import numpy as np
from somscape.kernels._select import select_kernels

rng = np.random.default_rng(0)
rows, codebook = rng.normal(size=(4000, 20)), rng.normal(size=(300, 20))
kernels = select_kernels()

def tasks():
    return set(os.listdir("/proc/self/task"))

before = tasks()

def search():
    units, distances = kernels.search(rows, codebook)
    return hashlib.sha256(units.tobytes() + distances.tobytes()).hexdigest()

def helpers():
    return sorted(tasks() - before)
"""


def start(code, **environment):
    """Start a fresh interpreter that can search."""
    paths = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    inherited = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", SETUP + textwrap.dedent(code)],
        env=inherited | {"PYTHONPATH": paths} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def printed(code, **environment):
    """Return the lines that code prints in a fresh interpreter."""
    with start(code, **environment) as process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output.splitlines()


def digest():
    return printed("print(search())", OMP_NUM_THREADS="1")[0]


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
def test_one_thread_less_is_made_than_may_work_and_the_bits_are_the_same(n_threads):
    found = printed("print(search(), len(helpers()))", OMP_NUM_THREADS=str(n_threads))
    assert found == [f"{digest()} {n_threads - 1}"]


def test_threadpoolctl_says_how_many_are_made():
    code = """
    from threadpoolctl import threadpool_limits
    for n in (1, 2, 4):
        with threadpool_limits(n, user_api="openmp"):
            search()
        print(len(helpers()))
    """
    assert printed(code, OMP_NUM_THREADS="3") == ["0", "1", "3"]


def test_little_work_makes_no_thread():
    code = "kernels.search(rows[:10], codebook[:10])\nprint(len(helpers()))"
    assert printed(code, OMP_NUM_THREADS="4") == ["0"]


def test_callers_on_many_threads_share_the_helpers():
    code = """
    import time
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(6) as pool:
        found = set(pool.map(lambda _: search(), range(60)))
    for _ in range(500):  # joined threads may be there for a moment
        if len(helpers()) > 2: time.sleep(0.01)
    print(*found, len(helpers()))
    """
    assert printed(code, OMP_NUM_THREADS="3") == [f"{digest()} 2"]


def test_a_forked_child_makes_threads_of_its_own():
    code = """
    found = search()
    pid = os.fork()
    if pid == 0:
        before = tasks()
    os.write(1, f"{search() == found} {len(helpers())}\\n".encode())  # a line of its own
    if pid == 0:
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    """
    assert printed(code, OMP_NUM_THREADS="3") == ["True 2", "True 2"]


def test_a_child_forked_while_others_search_can_search():
    code = """
    import threading
    busy = True
    def go_on():
        while busy: search()
    threads = [threading.Thread(target=go_on) for _ in range(2)]
    for thread in threads: thread.start()
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            search()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    busy = False
    for thread in threads: thread.join()
    print(search())
    """
    assert printed(code, OMP_NUM_THREADS="3") == [digest()]


@pytest.mark.parametrize("when", ["before the threads", "after the threads"])
def test_one_core_is_enough(when):
    code = f"""
    if {when == "after the threads"}: search()
    for task in tasks(): os.sched_setaffinity(int(task), list(os.sched_getaffinity(0))[:1])
    print(*{{search() for _ in range(20)}})
    """
    assert printed(code, OMP_NUM_THREADS="4") == [digest()]


SEIZE, INTERRUPT, DETACH, ANY_THREAD = 0x4206, 0x4207, 17, 0x40000000  # Linux: ptrace, wait


@contextlib.contextmanager
def stopped(tasks):
    """Stop single threads of another process, as a debugger does."""
    ptrace = ctypes.CDLL(None).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    seized = [task for task in tasks if ptrace(SEIZE, task, None, None) == 0]
    for task in seized:
        assert ptrace(INTERRUPT, task, None, None) == 0
        os.waitpid(task, ANY_THREAD)
    try:
        yield len(seized)
    finally:
        for task in seized:
            ptrace(DETACH, task, None, None)


def test_the_caller_does_not_wait_for_a_thread_that_does_not_run():
    code = """
    search()
    print(*helpers(), flush=True)
    sys.stdin.readline()
    print(*{search() for _ in range(20)}, flush=True)
    """
    with start(code, OMP_NUM_THREADS="3") as process:
        helpers = [int(task) for task in process.stdout.readline().split()]
        assert len(helpers) == 2
        with stopped(helpers) as n_stopped:
            if n_stopped < 2:
                process.kill()
                pytest.skip("threads of another process cannot be stopped here")
            process.stdin.write("go on\n")
            process.stdin.flush()
            has_ended = select.select([process.stdout], [], [], 60)[0]
        if not has_ended:
            process.kill()
        assert process.stdout.read().split() == [digest()]


def test_want_of_memory_in_a_thread_reaches_the_caller():
    # Two far clusters: scores are of no use, and each thread asks for work space on the way.
    code = """
    import resource
    from somscape.kernels import _core
    codebook = 1e6 * (rng.random((20_000, 1)) < 0.5) + rng.normal(size=(20_000, 200))
    rows = codebook[:64] + 1e-3
    units = np.empty((64, 1), np.int64)
    search()  # so that there are helpers
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    for n_bytes in range(0, 200 * 2**20, 4 * 2**20):
        resource.setrlimit(resource.RLIMIT_AS, (used + n_bytes, resource.RLIM_INFINITY))
        try:
            _core.search(rows, codebook, None, None, 0, False, False, units, None)
        except MemoryError:
            print("no memory")
        else:
            print(*units[:, 0] == range(64))
            break
    """
    # The allocator keeps nothing back for itself, so that the limit is felt.
    plain = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
    *refused, found = printed(code, OMP_NUM_THREADS="2", **plain)
    assert len(refused) > 3
    assert set(refused) == {"no memory"}
    assert found == " ".join(["True"] * 64)
