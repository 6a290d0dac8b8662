"""Each bad request has one clear answer, which says no cell; the next one is answered as ever."""

import gzip
import json
import socket
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from service_client import JSON, Service, serving_map
from web_client import PATIENCE

CANARY = "Xyzzy-4711"
CSV, ARROW = {"Content-Type": "text/csv"}, {"Content-Type": "application/vnd.apache.arrow.stream"}
ROW = {"cust_id": CANARY, "amount": 12.5, "age": 41, "job": "clerk"}


def changed(**cells: Any) -> str:
    return json.dumps({**ROW, **cells})


def without(name: str) -> str:
    return json.dumps({key: value for key, value in ROW.items() if key != name})


def as_arrow(**columns: list[Any]) -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table(columns)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


BAD = {
    "text for a number": (changed(amount=CANARY), JSON, 422, "'amount', must contain a number"),
    "a number as text": (changed(amount="12.5"), JSON, 422, "contains text"),
    "true for a number": (changed(age=True), JSON, 422, "contains true or false"),
    "a list for text": (changed(job=[CANARY]), JSON, 422, "'job', must contain text"),
    "an object": (changed(job={CANARY: 1}), JSON, 422, "contains an object"),
    "NaN": (changed(age=float("nan")), JSON, 400, "Send null for a missing value"),
    "infinity": (changed(age=float("inf")), JSON, 400, "not JSON"),
    "beyond floats": (
        '{"amount": 1e999, "age": 1, "job": "x"}',
        JSON,
        400,
        "out of range",
    ),
    "a whole one": (changed(amount=10**400), JSON, 422, "large for a float"),
    "many digits": (f'{{"age": {"9" * 5000}}}', JSON, 400, "out of range"),
    "too far": (changed(age=1e300), JSON, 422, "column 'age' is too far"),
    "a column less": (without("age"), JSON, 422, "lacks columns of this map: 'age'"),
    "one misspelled": (
        json.dumps({**ROW, "agee": 1} | {}).replace('"age"', '"aeg"'),
        JSON,
        422,
        "'age'",
    ),
    "a column more": (changed(note=CANARY), JSON, 422, "not in this map ('note')"),
    "a row of another kind": (
        json.dumps([ROW, 7]),
        JSON,
        422,
        "Row 2 must be an object, but is a num",
    ),
    "no object": ('"row"', JSON, 422, 'a list of rows, or {"rows": [...]}, but is text.'),
    "many unknown": (
        json.dumps({**ROW, **dict.fromkeys("uvwxyz", 1)}),
        JSON,
        422,
        "('u', 'v', 'w', 'x', 'y', ...). Leave these columns out.",
    ),
    "no rows": ("[]", JSON, 422, "does not contain a row"),
    "no JSON": ('{"amount": Xyzzy-4711', JSON, 400, "not JSON"),
    "an empty body": ("", JSON, 400, "not JSON"),
    "bytes": (b"\xff\xfe{", JSON, 400, "not JSON"),
    "deep JSON": ("[" * 100_000, JSON, 400, "nested too deeply"),
    "many rows": (json.dumps([{}] * 1001), JSON, 413, "1,001 rows"),
    "other kind of body": (changed(), {"Content-Type": "text/xml"}, 415, "Content-Type must be"),
    "no kind of body": (changed(), {}, 415, "Content-Type must be"),
    "packed": (gzip.compress(changed().encode()), {**JSON, "Content-Encoding": "gzip"}, 415, "as"),
    "packed CSV": (gzip.compress(b"a,b\n1,2\n" * 99), CSV, 422, "cannot be read as CSV"),
    "bytes in CSV": (
        b"cust_id,amount,age,job\n\xff\xfe,1,2,x\n",
        CSV,
        422,
        "cannot be read as CSV",
    ),
    "CSV of one line": (f"{CANARY},1\n", CSV, 422, "cannot be read as CSV"),
    "ragged CSV": (f"amount,age,job\n1,2\n3,4,{CANARY},6\n", CSV, 422, "cannot be read as CSV"),
    "CSV without names": (f"{CANARY},a,b\nc,d,e\n", CSV, 422, "must contain the names"),
    "a word in CSV": (f"amount,age,job\n1,{CANARY},x\n", CSV, 422, "In row 1, column 'age' must"),
    "no Arrow": (b"ARROW1" + CANARY.encode(), ARROW, 422, "cannot be read as an Arrow"),
    "text in Arrow": (
        as_arrow(amount=[1.0, 2.0], age=["1", CANARY], job=["a", "b"]),
        ARROW,
        422,
        "In row 2, column 'age' must contain numbers",
    ),
    "infinity in Arrow": (
        as_arrow(amount=[1.0], age=[float("inf")], job=["a"]),
        ARROW,
        422,
        "column 'age' must contain numbers",
    ),
    "lists in Arrow": (as_arrow(amount=[[1]], age=[1], job=["a"]), ARROW, 422, "cannot be read as"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_request_has_one_clear_answer(service: Service, what: str) -> None:
    body, headers, status, words = BAD[what]
    answer = service.ask("POST", "/score", body, headers)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
    assert words in answer.problem
    assert "\n" not in answer.problem
    assert CANARY not in answer.problem
    assert service.post("/score", ROW)["rows"][0]["id"] == CANARY


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/score", 405, "This route does not support GET. Use POST."),
        ("POST", "/health", 405, "This route does not support POST. Use GET or HEAD."),
        ("POST", "/scores", 404, "The route does not exist. The routes are /health, "),
        ("POST", "/score?reasons=few", 400, "reasons must be one of flagged, all, none."),
    ],
)
def test_another_route_method_or_parameter_is_refused(
    service: Service, method: str, path: str, status: int, words: str
) -> None:
    answer = service.ask(method, path, json.dumps(ROW), JSON)
    assert answer.status == status
    assert answer.problem.startswith(words)


def test_a_large_body_is_refused_before_it_comes(service: Service) -> None:
    head = "POST /score HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 1000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        connection.sendall(head.format(service.port).encode())
        answer = connection.makefile("rb").read()
    assert b" 413 " in answer.splitlines()[0]
    assert b"larger than 0.5 MB (--max-body)" in answer


@pytest.mark.parametrize("comes", [True, False])
def test_a_short_body_is_waited_for_a_second_before_it_is_refused(
    service: Service, comes: bool
) -> None:
    head = "POST /score HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        connection.sendall(head.encode())
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(10)
        if comes:
            connection.sendall(b"{}")
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert b" 421 " in answer.splitlines()[0]


def test_a_large_body_that_nobody_announced_is_cut_off(service: Service) -> None:
    head = "POST /score HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        connection.sendall(head.format(service.port).encode() + piece * 8)
        answer = connection.recv(1 << 16)
    assert b" 413 " in answer.splitlines()[0]


def test_names_that_are_made_to_lead_here_are_refused(service: Service) -> None:
    answer = service.ask("GET", "/health", headers={"Host": "evil.example"})
    assert (answer.status, answer.headers["connection"]) == (421, "close")
    assert service.ask("GET", "/live", headers={"Host": "evil.example"}).status == 204


def test_counters_are_of_what_was_sent_and_the_log_says_no_cell(map_file: Path) -> None:
    with serving_map(map_file) as service:
        head = f"POST /score HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nContent-Length: 99\r\n"
        for _ in range(3):
            service.post("/score?reasons=all", [{**ROW, "job": CANARY}, ROW])
        assert service.ask("POST", "/score", changed(age=CANARY), JSON).status == 422
        assert service.ask("POST", "/score", "", {**JSON, "Host": "evil.example"}).status == 421
        with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
            connection.sendall(f"{head}\r\n{CANARY}".encode())  # and it leaves
        expected = {
            'somscape_requests_total{code="200",route="/score"} 3.0',
            'somscape_requests_total{code="421",route="/score"} 1.0',
            'somscape_requests_total{code="422",route="/score"} 1.0',
            'somscape_requests_total{code="499",route="/score"} 1.0',
            'somscape_rows_total{route="/score"} 6.0',
            "somscape_requests_under_way 1.0",
        }
        deadline = time.monotonic() + PATIENCE
        while not expected <= set(service.ask("GET", "/metrics").text.splitlines()):
            assert time.monotonic() < deadline, service.ask("GET", "/metrics").text
            time.sleep(0.02)
        assert 'code="500"' not in service.ask("GET", "/metrics").text
        assert service.end() == 0
    assert len(service.said) == 2
    assert CANARY not in "".join(service.said)
