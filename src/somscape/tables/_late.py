"""Import libraries when they are first used, because importing them is slow."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["nw", "pa", "pc", "pp", "tomlkit"]


class _Late:
    """A stand-in for a module that is imported when one of its names is first used."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = vars(self)[name] = getattr(import_module(self._module), name)
        return found


if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyparsing as pp
    import tomlkit
else:
    modules = ("narwhals", "pyarrow", "pyarrow.compute", "pyparsing", "tomlkit")
    nw, pa, pc, pp, tomlkit = map(_Late, modules)
