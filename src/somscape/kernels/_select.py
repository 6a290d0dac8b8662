"""Choose the compiled core where it was built, else the NumPy twin, or a device for its rows."""

import os
from functools import cache
from importlib.util import find_spec
from typing import cast

from somscape.errors import InputError
from somscape.kernels._array_api import DeviceKernels
from somscape.kernels._device import DeviceArray
from somscape.kernels._kernels import Kernels, MiniSomKernels

VARIABLE = "SOMSCAPE_KERNELS"


@cache
def is_core_built() -> bool:
    """Return whether this installation has the compiled core."""
    return find_spec("somscape.kernels._core") is not None


def select_kernels(name: str | None = None) -> Kernels:
    """Return the kernels to use."""
    name = name or os.environ.get(VARIABLE) or ("core" if is_core_built() else "numpy")
    if name not in ("core", "numpy"):
        raise InputError(f"{VARIABLE} must be 'core' or 'numpy'; got {name!r}.")
    if name == "core" and not is_core_built():
        raise InputError(
            "this installation has no compiled core; install somscape where a C++ compiler is "
            f"found, or leave {VARIABLE} unset to use NumPy."
        )
    return _load(name)


def kernels_for(rows: object) -> Kernels:
    """Return the kernels for rows: their device's, else the selected ones."""
    if isinstance(rows, DeviceArray):
        return cast(Kernels, DeviceKernels(rows.device, rows.dtype, select_kernels()))
    return select_kernels()


def minisom_kernels() -> MiniSomKernels | None:
    """Return the kernels of MiniSom's rule, or None where NumPy is used."""
    kernels = select_kernels()
    if kernels.name == "numpy":
        return None
    from somscape.kernels._core_face import CoreKernels

    assert isinstance(kernels, CoreKernels)
    return kernels


@cache
def _load(name: str) -> Kernels:
    if name == "core":
        from somscape.kernels._core_face import CoreKernels

        return CoreKernels()
    from somscape.kernels._numpy_twin import NumpyKernels

    return NumpyKernels()
