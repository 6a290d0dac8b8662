"""pyarrow and narwhals, which are imported when they are first used: both are slow to import."""

from typing import TYPE_CHECKING, Any

__all__ = ["nw", "pa", "pc"]


class _Arrow:
    """The module pyarrow."""

    def __getattr__(self, name: str) -> Any:
        import pyarrow

        return _kept(self, name, pyarrow)


class _Compute:
    """The module pyarrow.compute."""

    def __getattr__(self, name: str) -> Any:
        import pyarrow.compute

        return _kept(self, name, pyarrow.compute)


class _Narwhals:
    """The module narwhals."""

    def __getattr__(self, name: str) -> Any:
        import narwhals

        return _kept(self, name, narwhals)


def _kept(late: object, name: str, module: Any) -> Any:
    """Return an attribute of a module, and keep it, so that it is not asked for again."""
    found = vars(late)[name] = getattr(module, name)
    return found


if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    nw, pa, pc = _Narwhals(), _Arrow(), _Compute()
