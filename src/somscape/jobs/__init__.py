"""The main job, from options to a ranked list, for the command line and for the app."""

from somscape.jobs._agreement import agreement_of, page_agreement
from somscape.jobs._command import command_line, now
from somscape.jobs._detect import Found, detect, detection_of
from somscape.jobs._progress import MapCount
from somscape.jobs._roles import (
    FROM_DATABASE,
    KINDS,
    READING,
    Label,
    encoding_from,
    find_label,
    roles_from,
    split_label,
)
from somscape.jobs._rule import RULES, rule_of
from somscape.jobs._sink import check_sink_of, run_of, send_alerts

__all__ = [
    "FROM_DATABASE",
    "KINDS",
    "READING",
    "RULES",
    "Found",
    "Label",
    "MapCount",
    "agreement_of",
    "check_sink_of",
    "command_line",
    "detect",
    "detection_of",
    "encoding_from",
    "find_label",
    "now",
    "page_agreement",
    "roles_from",
    "rule_of",
    "run_of",
    "send_alerts",
    "split_label",
]
