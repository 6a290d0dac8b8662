"""Read from pickles of 0.1 and 0.2 only, which name this class; `outliers.Detector` is today's."""


class DetectorSettings:
    """What an older pickle holds; `estimators/_older_detector.py` makes a `Detector` of it."""
