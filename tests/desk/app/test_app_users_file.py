"""The file of users: what it may hold, who may read it, and how it is written."""

import os
import stat
import unicodedata
from pathlib import Path

import pytest
from command_line import run
from team import PASSWORD, quick_hash, write_team
from texts import rejected

from somscape.desk.app._users import (
    Users,
    hash_password,
    is_password,
    plain_name,
    read_users,
    write_users,
)
from somscape.errors import InputError

HASH = "$argon2id$v=19$m=65536,t=3,p=4$" + "a" * 22 + "$" + "b" * 43
ANNA = f'[users.anna]\nrole = "look"\npassword = "{HASH}"\n'


def file_of(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "users.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[users.anna\n", 1, "TOML"),
        (ANNA + "x = = 1\n", 4, "TOML"),
        (b"\n[users.anna]\n# \xff\n", 3, "UTF-8"),
        ("", None, "somscape app --add-user NAME"),
        ("users = 1\n", 1, "somscape app --add-user NAME"),
        ("[users]\n", 1, "somscape app --add-user NAME"),
        ("[user.anna]\n", 1, "the part 'user'"),
        ("[users]\nanna = 3\n", 2, "[users.NAME]"),
        (ANNA.replace("look", "admin"), 2, 'role = "look"'),
        (ANNA.replace('"look"', "1"), 2, 'role = "look"'),
        (ANNA.replace('role = "look"\n', ""), 1, 'role = "look"'),
        (ANNA + "\nadmin = true\n", 5, "not 'admin'"),
        (ANNA.replace(HASH, "secret"), 3, "hashed by Argon2id"),
        (ANNA.replace(HASH, ""), 3, "hashed by Argon2id"),
        (ANNA.replace(f'"{HASH}"', "7"), 3, "hashed by Argon2id"),
        ('[users.anna]\nrole = "run"\n', 1, "hashed by Argon2id"),
        (ANNA.replace("argon2id", "argon2i"), 3, "hashed by Argon2id"),
        (ANNA.replace("v=19", "v=16"), 3, "hashed by Argon2id"),
        (ANNA.replace("m=65536", "m=1024"), 3, "too little"),
        (ANNA.replace("m=65536,t=3", "m=8192,t=1"), 3, "too little"),
        (ANNA.replace("m=65536", "m=9000000"), 3, "too much time or memory"),
        (ANNA.replace("t=3", "t=100000"), 3, "too much time or memory"),
        (ANNA.replace("p=4", "p=0"), 3, "too much time or memory"),
        (ANNA.replace("anna", f'"{"a" * 65}"'), 1, "1 to 64 printable characters"),
        (ANNA.replace("anna", '"a\\u0007b"'), 1, "1 to 64 printable characters"),
        (ANNA.replace("anna", '" "'), 1, "1 to 64 printable characters"),
        (ANNA.replace("anna", '"é"') + ANNA.replace("anna", '"e\u0301"'), 4, "twice"),
        ("a." * 40 + "b = 1\n", 1, "too many parts"),
    ],
)
def test_what_no_users_can_be_is_told_with_its_line(
    tmp_path: Path, text: str | bytes, line: int | None, said: str
) -> None:
    path = file_of(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_users(path, has_passwords=True)
    message = str(caught.value)
    assert message.startswith(f"{path}, line {line}: " if line else f"{path}: "), message
    assert said in message
    assert (caught.value.file, caught.value.line) == (str(path), line)
    assert "argon2id$" not in message
    assert "\n" not in message


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o640, 0o644, 0o666])
def test_a_file_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    path = file_of(tmp_path, ANNA, mode)
    with rejected():
        read_users(path, has_passwords=True)
    path.chmod(0o640)
    assert [*read_users(path, has_passwords=True, may_be_readable=True)] == ["anna"]


def test_users_behind_a_link_are_changed_where_the_app_reads_them(tmp_path: Path) -> None:
    path = file_of(tmp_path, ANNA)
    (tmp_path / "link").symlink_to(path.name)
    write_users(tmp_path / "link", read_users(path, has_passwords=True))
    assert (tmp_path / "link").is_symlink()
    assert path.read_text().startswith("# Who may use the app")


def test_a_missing_file_and_a_huge_one_are_one_line(tmp_path: Path) -> None:
    with rejected(parameter="users"):
        read_users(tmp_path / "none.toml", has_passwords=True)
    with rejected():
        read_users(file_of(tmp_path, "#" * (1 << 21)), has_passwords=True)


def test_users_are_written_for_their_owner_alone_and_read_again(tmp_path: Path) -> None:
    roles = {"anna": "look", "Zoë ☃": "run", 'a"b.c': "decide"}
    path = write_team(tmp_path / "users.toml", **roles)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = read_users(path, has_passwords=True)
    assert {name: user.role for name, user in found.items()} == roles
    assert found["anna"].password == quick_hash(PASSWORD)


def test_names_are_the_same_however_their_letters_are_typed() -> None:
    assert plain_name(" Zoe\u0308 ") == plain_name("Zoë") == "Zoë"
    assert plain_name("a\nb") == plain_name("") == plain_name("x" * 65) == ""


def test_passwords_are_known_again_however_their_letters_are_typed() -> None:
    hashed = hash_password("pässword of anna")
    assert is_password(unicodedata.normalize("NFD", "pässword of anna"), hashed)
    assert not is_password("password of anna", hashed)
    assert not is_password("", hashed)
    assert not is_password("pässword of anna", hashed[:-1] + "*")
    assert not is_password("\ud800" * 12, hashed)
    assert is_password(PASSWORD, quick_hash(PASSWORD))


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
def test_short_and_long_passwords_are_refused_without_being_shown(password: str) -> None:
    with rejected(parameter="password") as caught:
        hash_password(password)
    assert not password or password not in str(caught.value)


def test_a_changed_file_takes_effect_and_a_broken_one_lets_nobody_in(tmp_path: Path) -> None:
    said: list[str] = []
    path = write_team(tmp_path / "users.toml", anna="look")
    users = Users(path, has_passwords=True, say=said.append)
    assert [*users.now()] == ["anna"]
    write_team(path, anna="run", bo="look")
    assert {n: u.role for n, u in users.now().items()} == {"anna": "run", "bo": "look"}
    path.write_text("[users.anna\n")
    assert users.now() is None
    assert users.now() is None
    path.unlink()
    assert users.now() is None
    assert len(said) == 2
    assert "line 1" in said[0]
    assert "cannot be read" in said[1]
    write_team(path, bo="look")
    assert [*users.now()] == ["bo"]


# The command


def app_user(path: Path, *words: str, typed: str = "") -> tuple[int, str]:
    name, *others = words
    how = "--remove-user" if "--remove" in others else "--add-user"
    others = [word for word in others if word != "--remove"]
    outcome = run("app", how, name, *others, "--users", path, stdin=typed.encode())
    assert PASSWORD not in outcome.out + outcome.err
    return outcome.code, outcome.err


def test_the_command_adds_changes_and_removes(tmp_path: Path) -> None:
    path, twice = tmp_path / "users.toml", f"{PASSWORD}\n{PASSWORD}\n"
    code, said = app_user(path, "anna", "--role", "decide", typed=twice)
    assert code == 0
    assert "anna has the role decide" in said
    anna = read_users(path, has_passwords=True)["anna"]
    assert is_password(PASSWORD, anna.password)
    assert app_user(path, "bo", "--role", "run", "--no-password")[0] == 0
    assert app_user(path, "anna", typed=twice)[0] == 0  # a new password
    found = read_users(path, has_passwords=False)
    assert found["anna"].role == "decide"
    assert found["anna"].password != anna.password
    assert found["bo"].password == ""
    assert app_user(path, "bo", "--remove")[0] == 0
    assert [*read_users(path, has_passwords=True)] == ["anna"]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (["new"], "", "needs a --role"),
        (["new", "--role", "admin"], "", "Invalid value for '--role'"),
        (["a\tb", "--role", "look"], "", "1 to 64 printable characters"),
        (["new", "--role", "look"], "short\nshort\n", "12 to 256 characters"),
        (["nobody", "--remove"], "", "the user nobody. It contains anna."),
        (["anna", "--remove"], "", "only user"),
    ],
)
def test_the_command_refuses_in_one_line_and_changes_nothing(
    tmp_path: Path, words: list[str], typed: str, said: str
) -> None:
    path = write_team(tmp_path / "users.toml", anna="look")
    before = path.read_bytes()
    code, error = app_user(path, *words, typed=typed)
    assert code == 2
    assert said in error.splitlines()[-1]
    assert path.read_bytes() == before
