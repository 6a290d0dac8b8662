"""Read from pickles of 0.1 and 0.2 only, which name this class; `outliers.Detector` is today's."""


class DetectorSettings:
    """What a pickle of an older release holds; `estimators/_older.py` makes a detector of it."""
