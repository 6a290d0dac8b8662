"""The service described for programs: OpenAPI, with the columns of the map that answers."""

from typing import Any

from apispec import APISpec

from somscape._version import __version__
from somscape.encode import CategoryCode, NumberCode, OrdinalCode
from somscape.serve._answers import EXPLAINED
from somscape.serve._bodies import ARROW, CSV, JSON
from somscape.serve._limits import Limits
from somscape.serve._served import ROUTES, Served

PROBLEMS = {
    "400": "The body is not JSON, or a parameter is none of those that there are.",
    "401": "The token is missing or wrong.",
    "413": "The body is larger, or has more rows, than a request may have.",
    "415": "The body is none of the kinds that are read.",
    "422": "A row cannot be read as one of this map's table; the answer names row and column.",
}
NUMBER, TEXT = {"type": "number"}, {"type": "string"}
REASON = {"column": TEXT, "value": TEXT, "usual": TEXT, "share": NUMBER, "sentence": TEXT}
ANSWER = {
    "row": {"type": "integer", "description": "From 1, in the order of the request."},
    "id": {"description": "As it was sent."},
    "score": {**NUMBER, "description": "Higher is more unusual."},
    "p_value": {**NUMBER, "description": "Share of usual rows that score at least as high."},
    "flagged": {"type": "boolean", "description": "Whether the score is above the threshold."},
    "unit": {"type": "integer", "description": "The row's unit of the map."},
    "why": {**TEXT, "description": "The reasons as sentences."},
    "reasons": {"type": "array", "items": {"type": "object", "properties": REASON}},
}
HEALTH = {
    "ok": {"type": "boolean"},
    "version": TEXT,
    "map": {"type": "object"},
    "refused": {"type": ["object", "null"]},
}


def description_of(served: Served, limits: Limits) -> dict[str, Any]:
    """Return the service as an OpenAPI document."""
    spec = APISpec(
        title="somscape serve",
        version=__version__,
        openapi_version="3.1.0",
        info={"description": f"A request may have {limits.in_words}."},
        security=[{}, {"token": []}],
    )
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    spec.components.schema("Row", _row_of(served))
    spec.components.schema("Problem", {"type": "object", "properties": {"problem": TEXT}})
    path = ROUTES[served.kind]
    answer = ANSWER if path == "/score" else {}
    spec.components.schema("Answer", {"type": "object", "properties": answer})
    spec.path(path=path, operations={"post": _post(path)})
    for name, summary, content in (
        ("/health", "Which map answers.", {JSON: {"schema": _object(HEALTH)}}),
        ("/live", "An answer, for who watches the process; needs no token.", None),
        ("/metrics", "Counts, as Prometheus reads them.", {"text/plain": {"schema": TEXT}}),
        ("/openapi.json", "This document.", {JSON: {"schema": {"type": "object"}}}),
    ):
        code, said = ("200", {"content": content}) if content else ("204", {})
        answers = {code: {"description": summary, **said}}
        spec.path(path=name, operations={"get": {"summary": summary, "responses": answers}})
    return dict(spec.to_dict())


def _post(path: str) -> dict[str, Any]:
    row, answer = {"$ref": "#/components/schemas/Row"}, {"$ref": "#/components/schemas/Answer"}
    rows = {"type": "array", "items": row, "minItems": 1}
    body = {"oneOf": [row, rows, _object({"rows": rows}, required=["rows"])]}
    result = _object({"map": TEXT, "rows": {"type": "array", "items": answer}})
    tables = {kind: {"schema": {"type": "string"}} for kind in (CSV, ARROW)}
    parameter = {
        "name": "reasons",
        "in": "query",
        "description": "Which rows get reasons.",
        "schema": {"enum": list(EXPLAINED), "default": EXPLAINED[0]},
    }
    problem = {JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    said = {code: {"description": words, "content": problem} for code, words in PROBLEMS.items()}
    is_score = path == "/score"
    return {
        "summary": "Score rows." if is_score else "Predict a column.",
        "parameters": [parameter] if is_score else [],
        "requestBody": {"required": True, "content": {JSON: {"schema": body}, **tables}},
        "responses": {
            "200": {
                "description": "One answer for each row.",
                "content": {JSON: {"schema": result}, **tables},
            },
            **said,
        },
    }


def _row_of(served: Served) -> dict[str, Any]:
    encoding = served.encoding
    may_miss = encoding.missing != "error"
    used = {code.name: _kind_of(code, may_miss=may_miss) for code in encoding.used}
    others = {
        code.name: {"description": f"Not used ({code.kind})."}
        for code in encoding.columns
        if code.name not in used
    }
    return _object({**used, **others}, required=list(used), additionalProperties=False)


def _kind_of(code: Any, *, may_miss: bool) -> dict[str, Any]:
    """Return what JSON a column may hold."""
    null = ["null"] * may_miss
    if isinstance(code, NumberCode):
        return {"type": ["number", *null]}
    types = {"type": ["string", "number", "boolean", *null]}
    if isinstance(code, CategoryCode):
        return {**types, "description": f"A category; seen: {', '.join(code.levels)}."}
    if isinstance(code, OrdinalCode):
        return {**types, "description": f"From low to high: {', '.join(code.levels)}."}
    return {**types, "description": "A date, such as 2026-01-31."}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **more}
