"""Which page explains what: the names of the reference, and the commands."""

NAMES = {
    # All names of a folder or file, and below it those that another page explains.
    "SOM": "howto/choosing",
    "SOMClassifier": "howto/recognizing",
    "SOMDetector": "howto/detecting",
    "SOMImputer": "howto/missing_and_mixed",
    "SOMClusterer": "concepts/clusters",
    "SOMRegressor": "howto/recognizing",
    "TableEncoder": "howto/missing_and_mixed",
    "Map": "howto/files",
    "Detector": "howto/detecting",
    "Lattice": "howto/choosing",
    "Graph": "howto/choosing",
    "load": "howto/files",
    "callbacks": "howto/choosing",
    "desk": "operate/auditing",
    "desk.cases.State": "operate/watching",
    "desk.cases.Watch": "operate/watching",
    "desk.cases.Case": "operate/watching",
    "desk.cases.Decision": "operate/watching",
    "desk.cases.run_watch": "operate/watching",
    "desk.cases.RunOutcome": "operate/watching",
    "desk.cases.import_decisions": "operate/watching",
    "changes": "concepts/clusters",
    "checks": "howto/checks",
    "datasets": "contribute/examples",
    "tables.Encoding": "start",
    "errors": "howto/files",
    "errors.EngineError": "operate/machines",
    "errors.MapFileError": "contribute/map_file",
    "fit": "operate/machines",
    "fit.Progress": "howto/choosing",
    "grid": "howto/choosing",
    "kernels": "howto/choosing",
    "measures": "howto/measures",
    "measures.Agreement": "concepts/reading",
    "measures.label_agreement": "concepts/reading",
    "minisom": "coming/minisom",
    "outliers": "howto/detecting",
    "outliers.Drift": "operate/streams",
    "paths": "howto/paths",
    "plots": "howto/pictures",
    "pyod": "coming/pyod",
    "recognize": "howto/recognizing",
    "regions": "concepts/clusters",
    "report": "howto/report",
    "save": "howto/files",
    "save.to_onnx": "howto/export",
    "tables": "howto/files",
    "tables.Table": "start",
    "tables.Column": "start",
    "tables.Grouped": "howto/customers",
    "tables.per": "howto/customers",
    "tables.read_sql": "operate/databases",
    "tables.write_sql": "operate/databases",
}
COMMANDS = {
    "demo": "start",
    "example": "start",
    "detect": "howto/detecting",
    "fit": "howto/choosing",
    "score": "operate/streams",
    "predict": "howto/recognizing",
    "report": "howto/report",
    "convert": "howto/files",
    "app": "operate/app",
    "serve": "operate/serving",
    "info": "howto/roles",
    "run": "operate/watching",
    "cases": "operate/watching",
    "cases forget": "operate/auditing",
    "audit": "operate/auditing",
    "backup": "operate/auditing",
    "restore": "operate/auditing",
}


def guide_of(name: str) -> str:
    """Return the page of a name such as `measures.continuity`."""
    return NAMES.get(name) or NAMES[name.partition(".")[0]]


def guide_of_command(words: str) -> str:
    """Return the page of a command such as `cases mark`."""
    return COMMANDS.get(words) or COMMANDS[words.partition(" ")[0]]
