"""The contents of a pickle, read without running any of it.

A pickle is a program: loading it calls whatever it names.  Here its instructions are followed only
on plain values.  A name stays a `Name`; a call becomes a `Made`, which records what would have been
called with what; nothing is imported, called or set.  Lengths are trusted only once the bytes are
there, only text may be a key, and every instruction is paid for before it is followed.  So no file
makes us wait or allocate.
"""

import pickletools
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape._budget import Budget
from somscape.errors import InputError

MARK = object()
NUMBERS = {f"{kind}{size}" for kind, sizes in (("f", "248"), ("i", "1248")) for size in sizes}
"""Types of arrays to read, as NumPy writes them."""

MAX_DIMENSIONS, MAX_SIDE = 8, 1 << 31

STEP_BYTES = 200
"""More than the objects of any instruction cost, besides its argument: a dict with one item, a
place in the memo."""


@dataclass(frozen=True)
class Name:
    """A name that the pickle would have imported."""

    module: str
    name: str


@dataclass(eq=False)
class Made:
    """What a call or a class in the pickle would have made."""

    maker: Any
    arguments: Any
    state: Any = None


@dataclass
class _Machine:
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is MARK:
            raise ValueError("it takes a value that is not there")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        for i in range(len(self.stack) - 1, -1, -1):
            if self.stack[i] is MARK:
                items = self.stack[i + 1 :]
                del self.stack[i:]
                return items
        raise ValueError("it takes a mark that is not there")

    def top(self) -> Any:
        if not self.stack or self.stack[-1] is MARK:
            raise ValueError("it changes a value that is not there")
        return self.stack[-1]


def read_pickle(data: bytes, budget: Budget | None = None) -> Any:
    """Return what a pickle holds."""
    machine = _Machine()
    budget = budget or Budget("the pickle", len(data))
    try:
        for opcode, argument, _ in pickletools.genops(data):
            name = opcode.name
            budget.take(STEP_BYTES + sys.getsizeof(argument), "its instructions")
            if name == "STOP":
                return machine.pop()
            if name in _STEPS:
                _STEPS[name](machine, argument)
            elif name in _VALUES:
                machine.stack.append(_VALUES[name] if argument is None else argument)
            elif name not in ("PROTO", "FRAME", "READONLY_BUFFER"):
                raise ValueError(f"it holds the instruction {name}, which is not read")
    except InputError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, struct.error, OverflowError) as error:
        raise ValueError(f"not a pickle, or a damaged one ({error})") from error
    raise ValueError("not a pickle, or a damaged one (it does not end)")


def _put(machine: _Machine, key: int) -> None:
    machine.memo[int(key)] = machine.top()


def _get(machine: _Machine, key: int) -> None:
    machine.stack.append(machine.memo[int(key)])


def _memoize(machine: _Machine, _: Any) -> None:
    machine.memo[len(machine.memo)] = machine.top()


def _tuple(n: int) -> Callable[[_Machine, Any], None]:
    def step(machine: _Machine, _: Any) -> None:
        items = [machine.pop() for _ in range(n)]
        machine.stack.append(tuple(reversed(items)))

    return step


def _from_mark(make: Callable[[list[Any]], Any]) -> Callable[[_Machine, Any], None]:
    def step(machine: _Machine, _: Any) -> None:
        machine.stack.append(make(machine.pop_to_mark()))

    return step


def _pairs(items: list[Any]) -> dict[str, Any]:
    pairs = zip(items[::2], items[1::2], strict=True)
    return {key: value for key, value in pairs if isinstance(key, str)}


def _set_items(machine: _Machine, items: list[Any]) -> None:
    target = machine.top()
    if isinstance(target, dict):
        target.update(_pairs(items))
    elif not isinstance(target, Made):
        raise ValueError("it sets an item of a value without items")


def _add(machine: _Machine, items: list[Any]) -> None:
    target = machine.top()
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, Made):
        raise ValueError("it appends to a value that is not a list")


def _set_item(machine: _Machine, _: Any) -> None:
    value, key = machine.pop(), machine.pop()
    _set_items(machine, [key, value])


def _append(machine: _Machine, _: Any) -> None:
    item = machine.pop()
    _add(machine, [item])


def _global(machine: _Machine, argument: str) -> None:
    module, _, name = argument.partition(" ")
    machine.stack.append(Name(module, name))


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    if not (isinstance(name, str) and isinstance(module, str)):
        raise ValueError("it imports a value that is not a name")
    machine.stack.append(Name(module, name))


def _reduce(machine: _Machine, _: Any) -> None:
    arguments, maker = machine.pop(), machine.pop()
    machine.stack.append(Made(maker, arguments))


def _new_object_with_names(machine: _Machine, _: Any) -> None:
    machine.pop()  # keyword arguments, which no class read here takes
    _reduce(machine, None)


def _build(machine: _Machine, _: Any) -> None:
    state = machine.pop()
    target = machine.top()
    if not isinstance(target, Made):
        raise ValueError("it sets the state of a value without state")
    target.state = state


def _instance(machine: _Machine, argument: str) -> None:
    module, _, name = argument.partition(" ")
    machine.stack.append(Made(Name(module, name), tuple(machine.pop_to_mark())))


def _object(machine: _Machine, _: Any) -> None:
    maker, *arguments = machine.pop_to_mark()
    machine.stack.append(Made(maker, tuple(arguments)))


Step: TypeAlias = Callable[[_Machine, Any], object]

_VALUES: dict[str, Any] = dict.fromkeys(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "NONE"),
    )
) | {"NEWTRUE": True, "NEWFALSE": False}

_STEPS: dict[str, Step] = {
    "MARK": lambda machine, _: machine.stack.append(MARK),
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": lambda machine, _: machine.pop_to_mark(),
    "DUP": lambda machine, _: machine.stack.append(machine.top()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    "MEMOIZE": _memoize,
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_SET"), lambda machine, _: machine.stack.append([])),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "EMPTY_TUPLE": _tuple(0),
    **{f"TUPLE{n}": _tuple(n) for n in (1, 2, 3)},
    "TUPLE": _from_mark(tuple),
    **dict.fromkeys(("LIST", "FROZENSET"), _from_mark(list)),
    "DICT": _from_mark(_pairs),
    "APPEND": _append,
    **dict.fromkeys(
        ("APPENDS", "ADDITEMS"), lambda machine, _: _add(machine, machine.pop_to_mark())
    ),
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, _: _set_items(machine, machine.pop_to_mark()),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _reduce),
    "NEWOBJ_EX": _new_object_with_names,
    "BUILD": _build,
    "INST": _instance,
    "OBJ": _object,
}


def array_of(value: Any) -> NDArray[Any] | None:
    """Return the array of numbers that a value would have become, or None."""
    maker = value.maker if isinstance(value, Made) else None
    if not isinstance(maker, Name) or not maker.module.startswith(("numpy.core.", "numpy._core.")):
        return None
    match maker.name, value.state, value.arguments:
        case "_reconstruct", (_, shape, type_, is_fortran, data), _:
            return _array(shape, type_, data, "F" if is_fortran else "C")
        case "_frombuffer", _, (data, type_, shape, order):
            return _array(shape, type_, data, order)
    return None


def number_of(value: Any) -> float | None:
    """Return the finite number that a value would have become, or None."""
    match value:
        case Made(maker=Name(name="scalar"), arguments=(type_, data)):
            found = _array((), type_, data, "C")
            return float(found[()]) if np.isfinite(found) else None
        case int() | float() if abs(value) <= 1e300:
            return float(value)
    return None


def _array(shape: Any, type_: Any, data: Any, order: Any) -> NDArray[Any]:
    code = type_.arguments[0] if isinstance(type_, Made) and type_.arguments else None
    endian = type_.state[1] if isinstance(type_, Made) and isinstance(type_.state, tuple) else "<"
    if not isinstance(code, str) or code not in NUMBERS or endian not in ("<", ">", "|", "="):
        raise ValueError("an array in it holds other things than numbers")
    data = _bytes_of(data)
    is_shape = isinstance(shape, tuple) and len(shape) <= MAX_DIMENSIONS
    if not is_shape or not all(type(n) is int and 0 <= n < MAX_SIDE for n in shape):
        raise ValueError("an array in it has no shape")
    dtype = np.dtype(("<" if endian == "=" else endian) + code)
    n_bytes = dtype.itemsize
    for n in shape:
        n_bytes *= n
    if n_bytes != len(data):
        raise ValueError(f"an array in it needs {n_bytes} bytes and has {len(data)}")
    return np.ndarray(shape, dtype, data, order="F" if order == "F" else "C")


def _bytes_of(data: Any) -> bytes:
    # Protocols below 3 have no bytes: Python 3 writes them as a call, Python 2 as text.
    match data:
        case Made(maker=Name(module="_codecs", name="encode"), arguments=(str(text), *_)):
            return text.encode("latin-1")
        case Made(maker=Name(name="bytes"), arguments=()):
            return b""
        case str():
            return data.encode("latin-1")
    if not isinstance(data, bytes | bytearray):
        raise ValueError("an array in it has no bytes")
    return bytes(data)
