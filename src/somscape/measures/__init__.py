"""How good a map is, and how well its answers agree with labels."""

from somscape.measures._agreement import Agreement, label_agreement
from somscape.measures._quality import nearest_counted, quantization_error, topographic_error

__all__ = [
    "Agreement",
    "label_agreement",
    "nearest_counted",
    "quantization_error",
    "topographic_error",
]
