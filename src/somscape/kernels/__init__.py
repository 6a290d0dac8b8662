"""Search, sums, smoothing and the online rule: the compiled core, or its NumPy twin.

Both have the same functions with the same meaning.  ``select_kernels`` says which is used;
``SOMSCAPE_KERNELS=numpy`` in the environment forces the twin.
"""

from somscape.kernels._kernels import Kernels
from somscape.kernels._select import select_kernels

__all__ = ["Kernels", "select_kernels"]
