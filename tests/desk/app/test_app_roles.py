"""A roles file in the app: what was set up becomes one, and one sets up a run."""

import tomllib
from dataclasses import replace

import pytest
from command_line import customers_csv
from web_client import Client

from somscape.desk.app._settings import (
    checked_settings,
    default_settings,
    job_of,
    settings_of,
    text_of,
)
from somscape.desk.app._work import describe
from somscape.errors import InputError
from somscape.tables import table_from_columns
from somscape.tables._roles import roles_from_text

COLUMNS = {
    "key_id": [f"k{i}" for i in range(12)],
    "amount": [1.5 * i for i in range(12)],
    "size": ["S", "M", "L"] * 4,
    "grade": [1, 2, 3] * 4,
    "outcome=yes": ["no", "no=never", "no"] * 4,
    'a."b"\n': ["x", "y"] * 6,
    "same": [1] * 12,
}
FACTS = describe(table_from_columns(COLUMNS))
CHOSEN = {
    "label": 4,
    "value": "no=never",
    "kinds": {"2": "ordinal", "3": "ordinal", "5": "drop"},
    "orders": {"2": "S<M<L"},
    "missing": "error",
}


def test_settings_come_back_from_their_roles_file() -> None:
    settings = checked_settings(CHOSEN, FACTS, default_settings(FACTS))
    text = text_of(settings, FACTS, "t.csv")
    again = settings_of(text, "roles.toml", default_settings(FACTS), FACTS)
    # Numbers have no order in the page; the file says it.
    assert again == replace(settings, orders={"2": "S<M<L", "3": "1<2<3"})
    said = tomllib.loads(text)["columns"]
    assert said["grade"] == {"kind": "ordinal", "levels": ["1", "2", "3"]}
    assert said["same"] == "drop"
    assert '"a.\\"b\\"\\n" = "drop"' in text
    assert text_of(again, FACTS, "t.csv") == text


def test_a_roles_file_meets_other_columns() -> None:
    text = '[columns]\nkey_id = "id"\namount = "number"\nold = "drop"\n'
    settings = settings_of(text, "r.toml", default_settings(FACTS), FACTS)
    assert settings.kinds == {}  # as the rules would have it
    assert settings.told[0] == "the table lacks these columns of r.toml: 'old'."
    assert settings.told[1].startswith(
        "Columns without a role in r.toml are used as their values suggest"
    )
    settings = settings_of('others = "drop"\n' + text, "r.toml", default_settings(FACTS), FACTS)
    assert set(settings.kinds.values()) == {"drop"}
    assert job_of(settings, FACTS).drop == (
        "size",
        "grade",
        "outcome=yes",
        'a."b"\n',
    )  # "same" is left out
    text = '[columns]\n"*" = "drop"\nsize = "category"\n'
    assert set(settings_of(text, "r", default_settings(FACTS), FACTS).kinds) == {*"01345"}
    settings = settings_of('others = "drop"\n[columns]\namount = "number"', "r", settings, FACTS)
    assert settings.id is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[columns]\nprice = "number"', "the table lacks these columns of r.toml: 'price'."),
        ('[columns]\nAmount = "number"', "'Amount' (is it 'amount'?)"),
        ('[columns]\nsize = "number"', "Column 'size' cannot be 'number'."),
        ('missing = "mask"', "'missing' must be 'fill'"),
        ('[columns]\nsize = {kind = "label", value = "XL"}', "'XL'"),
        ('[columns]\nsize = {kind = "ordinal", levels = ["a<b", "c"]}', "contains <"),
        ('[layers]\na = ["amount"]', "r.toml puts columns into the layers 'a'"),
        ("[columns]\namount = 3", "r.toml, line 2: column 'amount'"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        settings_of(text, "r.toml", default_settings(FACTS), FACTS)
    assert said in str(caught.value)


def test_a_run_gives_its_roles_and_another_takes_them(client: Client) -> None:
    run = client.upload("customers.csv", customers_csv())
    client.wait(run)
    client.post(f"/api/runs/{run}/settings", {"label": 4, "value": "yes", "kinds": {"2": "drop"}})
    answer = client.ask("GET", f"/runs/{run}/files/roles.toml")
    assert answer.headers["content-disposition"] == 'attachment; filename="roles.toml"'
    assert roles_from_text(answer.body, "it").drop == ("age",)

    other = client.upload("next.csv", customers_csv(50))
    client.wait(other)
    taken = client.ask("POST", f"/api/runs/{other}/roles?name=roles.toml", answer.body)
    assert taken.status == 200, taken.text
    settings = client.get(f"/api/runs/{other}")["settings"]
    assert (settings["label"], settings["value"], settings["kinds"]) == (4, "yes", {"2": "drop"})
    client.post(f"/api/runs/{other}/start", {"alerts": 3})
    assert client.wait(other)["state"] == "done"
    assert client.ask("GET", f"/runs/{other}/files/roles.toml").body.count(b'"drop"') == 2
    late = client.ask("POST", f"/api/runs/{other}/roles?name=roles.toml", answer.body)
    assert (late.status, late.problem.split(".")[0]) == (
        409,
        "The settings of this run cannot change now",
    )


def test_a_roles_file_says_how_the_table_is_read(client: Client) -> None:
    content = customers_csv().replace(b",", b"|").replace(b"amount", b"amount;x")
    run = client.upload("c.csv", content)
    client.wait(run)
    text = b'others = "drop"\n[reading]\ndelimiter = "|"\n[columns]\n"amount;x" = "number"\n'
    assert client.ask("POST", f"/api/runs/{run}/roles?name=r.toml", text).status == 200
    found = client.wait(run)
    assert (found["reading"]["delimiter"], found["problem"]) == ("|", "")
    assert found["settings"]["told"]
    assert "roles" not in found["settings"]
    wrong = b'[reading]\ndecimal = "."\n[columns]\nprice = "number"\n'
    client.ask("POST", f"/api/runs/{run}/roles?name=r.toml", wrong)
    found = client.wait(run)
    assert found["state"] == "done"
    assert found["problem"].startswith("the table lacks these columns of r.toml: 'price'")
