"""Only for pickles of 0.1 and 0.2, which name this class; today's is `outliers.Detector`."""


class DetectorSettings:
    """What an older pickle holds; `estimators/_older_detector.py` turns it into a `Detector`."""
