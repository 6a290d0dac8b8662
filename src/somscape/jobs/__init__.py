"""The main job, from options to a ranked list, for the command line and for the app."""

from somscape.jobs._agreement import agreement_of, page_agreement
from somscape.jobs._command import command_line, now, roles_heading
from somscape.jobs._detect import Found, detect, detection_of
from somscape.jobs._leaks import leaks_of
from somscape.jobs._per import ROWS_FILE, Ready, ready, ready_for
from somscape.jobs._progress import MapCount
from somscape.jobs._results import FORMATS, Results, check_format, score_words
from somscape.jobs._roles import (
    FROM_DATABASE,
    KINDS,
    READING,
    Label,
    encoding_from,
    find_label,
    label_of,
    reading_of,
    roles_from,
    split_label,
    told_table,
)
from somscape.jobs._rule import RULES, rule_of
from somscape.jobs._sink import check_sink_of, data_hash, run_of, send_alerts
from somscape.jobs._target import (
    UNTOLD,
    Target,
    agreement_words,
    notes_on,
    predictions_of,
    quality_words,
    summary_words,
    target_of,
    train_target,
)

__all__ = [
    "FORMATS",
    "FROM_DATABASE",
    "KINDS",
    "READING",
    "ROWS_FILE",
    "RULES",
    "UNTOLD",
    "Found",
    "Label",
    "MapCount",
    "Ready",
    "Results",
    "Target",
    "agreement_of",
    "agreement_words",
    "check_format",
    "check_sink_of",
    "command_line",
    "data_hash",
    "detect",
    "detection_of",
    "encoding_from",
    "find_label",
    "label_of",
    "leaks_of",
    "notes_on",
    "now",
    "page_agreement",
    "predictions_of",
    "quality_words",
    "reading_of",
    "ready",
    "ready_for",
    "roles_from",
    "roles_heading",
    "rule_of",
    "run_of",
    "score_words",
    "send_alerts",
    "split_label",
    "summary_words",
    "target_of",
    "told_table",
    "train_target",
]
