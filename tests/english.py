"""Measures how plain the English of somscape is, and lists each place that can be plainer.

    python tests/english.py                      rates of all surfaces
    python tests/english.py --list pronouns src/somscape/tables

A surface is a group of texts with the same readers.  `contract/test_english.py` keeps the limits.
Rates are counts per 1,000 words.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SURFACES = ("front", "pages", "deep", "public", "private", "strings", "app", "notes")
FRONT = ("README.md", "docs/index.md", "docs/start.md")
NOTES = ("CHANGELOG.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
DEEP = ("how_it_works", "map_file", "sources", "security", "decisions")

# Habits that make a reader stop, with a better way to write.
ODD = {
    "say": (r"\b(?:says?|said|saying)\b", "contains, reports, shows"),
    "tell": (r"\b(?:tells?|told|telling)\b", "reports, shows, warns"),
    "posture": (r"\b(?:lies?|lay|stands?|stood)\b(?! out)", "is, appears, is stored"),
    "where-if": (r"(?:^|[,;:.] )[Ww]here (?!to\b)", "if, when"),
    "headless": (
        r"(?:^|[.;:,] |\b(?:of|Return|by|for|from) )(?:[Ww]hat|[Ww]ho|[Tt]hose that|[Aa]ll that"
        r"|[Tt]hat which)\b",
        "a noun: the rows that, the result of",
    ),
    "that-of": (
        r"\b(?:that|those) of\b|\bof (?:those|then|which|what|whom)\b",
        "the noun again: the width of the map",
    ),
    "negated-noun": (
        r"\b(?:is|are|was|were|has|have) no (?!longer|more|one\b)\w+|\bthat (?:is|are) none\b",
        "is not a file, does not have a column",
    ),
    "fronted-of": (
        r"(?:^|[.;:] )Of (?:a|an|the|two|three|more|each|equal|some|any|those|all|\w+ed)\b",
        "begin with the subject",
    ),
    "nothing": (
        r"\b(?:\w+s|\w+ed|do|does|did) (?:nothing|nobody|none)\b",
        "does not change, without a change",
    ),
    "old words": (
        r"\b(?:anew|beside|mend(?:ed|s)?|foretells?|nobody|somebody|everybody|afar|save for"
        r"|but for|rightly|wrongly|likelier|whom|whoever|meanwhile|so (?:many|much|few)"
        r"|as (?:many|much|few) as)\b",
        "the word of BETTER_WORDS",
    ),
    "trailing": (r", (?:too|alone|at once)[.;,]", "also, only, immediately, before the verb"),
}
JOINED = r"[:;] [a-z`]"
PRONOUNS = r"\b(?:its?|they|them|ones?|that|those|these|none|what|which|such|others?)\b"

BETTER_WORDS = {
    "anew": "again",
    "beside": "next to",
    "mend": "repair",
    "foretell": "predict",
    "nobody": "no one, no user",
    "somebody": "someone, a user",
    "everybody": "all users",
    "afar": "at a distance",
    "save for": "except",
    "but for": "except",
    "rightly": "correctly",
    "wrongly": "by mistake",
    "likelier": "more likely",
    "whom": "who, or another sentence",
    "whoever": "a person who",
    "meanwhile": "in the meantime, since",
    "oftener": "more often",
    "thereof": "of the noun",
    "hitherto": "until now",
    "betray": "show",
    "hereby": "with this",
}


class Sentence(NamedTuple):
    """A sentence with its place."""

    surface: str
    file: str
    line: int
    text: str


def sentences() -> Iterator[Sentence]:
    """Return all sentences of the repository."""
    pages = [ROOT / name for name in ("README.md", *NOTES)] + sorted((ROOT / "docs").rglob("*.md"))
    for path in pages:
        if "_build" not in path.parts:
            name = path.relative_to(ROOT).as_posix()
            yield from _split(_surface_of_page(name), name, _markdown(path))
    public = _public_names()
    for path in sorted((ROOT / "src").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for surface, line, text in _python(ast.parse(path.read_text(encoding="utf-8")), public):
            yield from _split(surface, name, [(line, text)])
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in (".js", ".html"):
            yield from _split("app", path.relative_to(ROOT).as_posix(), web_texts(path))


def n_words(text: str) -> int:
    """Return the number of words."""
    return len(re.findall(r"[A-Za-z']+", text))


def counts(surface: str, found: list[Sentence]) -> dict[str, float]:
    """Return the words of a surface, and odd habits, joined clauses and pronouns per 1,000."""
    texts = [each.text for each in found if each.surface == surface]
    words = sum(map(n_words, texts))
    odd = sum(
        len(re.findall(pattern, text, re.IGNORECASE))
        for text in texts
        for pattern, _ in ODD.values()
    )
    joined = sum(len(re.findall(JOINED, text)) for text in texts)
    pronouns = sum(len(re.findall(PRONOUNS, text)) for text in texts)
    per = 1000 / max(words, 1)
    return {"words": words, "odd": odd * per, "joined": joined * per, "pronouns": pronouns * per}


def places(pattern: str, found: list[Sentence]) -> list[str]:
    """Return the sentences that contain a pattern, with file and line."""
    shown = [s for s in found if re.search(pattern, s.text, re.IGNORECASE)]
    return [f"{s.file}:{s.line} [{s.surface}] {s.text}" for s in shown]


def _surface_of_page(name: str) -> str:
    if name in FRONT:
        return "front"
    if name in NOTES:
        return "notes"
    return "deep" if any(part in name for part in DEEP) else "pages"


def _split(surface: str, file: str, texts: Iterator[tuple[int, str]] | list) -> Iterator[Sentence]:
    for line, text in texts:
        flat = re.sub(r"\s+", " ", text).strip()
        for part in re.split(r"(?<=[.!?])\s+(?=[\"'(*`\[{]*[A-Z0-9`*{\[])", flat):
            if len(re.findall(r"[A-Za-z]+", part)) > 2:
                yield Sentence(surface, file, line, part)


def _markdown(path: Path) -> Iterator[tuple[int, str]]:
    """Return paragraphs, items and long cells of tables, without blocks of code."""
    fence, block, start = "", [], 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if fence:
            fence = "" if text.startswith(fence) and not text.strip("`:") else fence
            continue
        opened = re.match(r"^(`{3,}|:{3,})", text)
        if opened or not text or text[0] in "#<|" or re.match(r"!\[|\[.*\]: |:\w+:", text):
            if block:
                yield start, " ".join(block)
            block = []
            fence = opened[1] if opened and text.startswith("`") else ""
            if text.startswith("|") and not re.match(r"^\|[\s\-:|]+\|$", text):
                yield from ((number, cell) for cell in text.split("|") if len(cell.split()) > 7)
            continue
        if re.match(r"^([-*]|\d+\.)\s", text):
            if block:
                yield start, " ".join(block)
            block, text = [], re.sub(r"^([-*]|\d+\.)\s+", "", text)
        start = start if block else number
        block.append(_plain(re.sub(r"\]\([^)]*\)|\]\[[^\]]*\]", "]", text)))
    if block:
        yield start, " ".join(block)


def _plain(text: str) -> str:
    return re.sub(r"`+[^`]*`+", "`x`", text)


def _docstring(text: str, first: int) -> Iterator[tuple[int, str]]:
    """Return the paragraphs of a docstring, without headings, names, references and examples."""
    lines, block, start, is_code = text.splitlines(), [], first, False
    for i, line in enumerate([*lines, ""]):
        text = line.strip()
        below = lines[i + 1].strip() if i + 1 < len(lines) else ""
        if re.match(r"^-{3,}$", text):
            is_code = lines[i - 1].strip() in ("Examples", "See Also", "References")
            continue
        is_prose = text and not is_code and not re.match(r"^-{3,}$", below)
        if not is_prose or text.startswith((">>>", "..")) or re.match(r"^[\w, *]+ : ", text):
            if block:
                yield start, " ".join(block)
            block = []
            continue
        start = start if block else first + i
        block.append(_plain(text))


def _python(tree: ast.Module, public: set[str]) -> Iterator[tuple[str, int, str]]:
    """Return docstrings, strings below constants, and all other strings of five words or more."""
    owners = {
        child: node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for child in node.body
    }
    alone = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    seen = set(alone)
    for node in ast.walk(tree):
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        doc = ast.get_docstring(node) if isinstance(node, documented) else None
        if doc:
            name = getattr(node, "name", "")
            surface = "private"
            if not name.startswith("_") and ({name, owners.get(node, "")} & public):
                surface = "public"
            if any(_is_command(each) for each in getattr(node, "decorator_list", ())):
                surface = "strings"  # the docstring is the help
            for line, text in _docstring(doc.replace("\b", ""), node.body[0].lineno):
                yield surface, line, text
        body = getattr(node, "body", None)
        for one, below in pairwise(body) if isinstance(body, list) else ():
            is_constant = isinstance(one, (ast.Assign, ast.AnnAssign))
            if is_constant and isinstance(below, ast.Expr) and id(below.value) in alone:
                yield "private", below.lineno, str(below.value.value)
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and id(node) not in seen:
            seen.update(map(id, ast.walk(node)))
            text = _literal(node)
            is_sql = re.match(r"\s*(?:SELECT|CREATE|INSERT|WITH)\b", text)
            if len(re.findall(r"[A-Za-z]{2,}", text)) > 4 and not is_sql:
                yield "strings", node.lineno, _plain(text)


def _is_command(decorator: ast.expr) -> bool:
    """Return whether a decorator makes a command or a group of commands of click."""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(function, ast.Attribute) and function.attr in ("command", "group")


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(v.value if isinstance(v, ast.Constant) else "{x}" for v in node.values)
    value = node.value
    return value if isinstance(value, str) else ""


def _public_names() -> set[str]:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    return {name.split(".")[-1] for name in re.findall(r"^\s{2,}([\w.]+)\s*$", reference, re.M)}


def web_texts(path: Path) -> Iterator[tuple[int, str]]:
    """Return the texts of a template or script."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip().startswith(("//", "*", "/*")):
            continue
        texts = [re.sub(r"<[^>]*>|{[^}]*}", " ", line)]
        if path.suffix == ".js":
            texts = re.findall(r"[\"'`]([^\"'`<>{}]*)[\"'`]", line)
        for text in texts:
            is_code = re.search(r"[;{}]|=>|\w\(|--|var\(|solid|px\b|rem\b", text)
            if len(re.findall(r"\b[A-Za-z]{2,}\b", text)) > 3 and not is_code:
                yield number, text


def main() -> None:
    """Print the rates of all surfaces, or the places of one habit."""
    found = list(sentences())
    patterns = {"pronouns": PRONOUNS, "joined": JOINED, **{k: p for k, (p, _) in ODD.items()}}
    match sys.argv[1:]:
        case ["--list", habit, *files]:
            lines = places(patterns[habit], found)
            lines = [line for line in lines if not files or line.startswith(tuple(files))]
            sys.stdout.write("".join(f"{line}\n" for line in lines))
        case _:
            for surface in SURFACES:
                rates = counts(surface, found)
                habits = Counter(
                    {
                        habit: sum(
                            len(re.findall(p, s.text, re.IGNORECASE))
                            for s in found
                            if s.surface == surface
                        )
                        for habit, (p, _) in ODD.items()
                    }
                )
                most = ", ".join(f"{n} {habit}" for habit, n in habits.most_common(3) if n)
                numbers = "  ".join(f"{name} {value:.1f}" for name, value in rates.items())
                sys.stdout.write(f"{surface:8} {numbers}  ({most})\n")


if __name__ == "__main__":
    main()
