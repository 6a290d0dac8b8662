"""The report as a local web app: a table in, marks and decisions out."""

from somscape.app._front import Front
from somscape.app._passwords import hash_password
from somscape.app._processes import fork_jobs
from somscape.app._server import Limits, serve
from somscape.app._users import ROLES, User, plain_name, read_users, write_users
from somscape.app._work import work

__all__ = [
    "ROLES",
    "Front",
    "Limits",
    "User",
    "fork_jobs",
    "hash_password",
    "plain_name",
    "read_users",
    "serve",
    "work",
    "write_users",
]
