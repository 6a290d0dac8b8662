"""Measures of the quality of a map, and of the agreement of a ranking with labels."""

from somscape.measures._quality import (
    combined_error,
    explained_variance,
    explained_variance_by_feature,
    quantization_error,
    topographic_error,
)
from somscape.measures.chance import Stability, stability
from somscape.measures.distances import continuity, topographic_product, trustworthiness
from somscape.measures.labels import Agreement, label_agreement
from somscape.measures.rows import by_unit
from somscape.measures.summary import Measure, MeasuresReport, report, scorer

__all__ = [
    "Agreement", "Measure", "MeasuresReport", "Stability", "by_unit", "combined_error",
    "continuity", "explained_variance", "explained_variance_by_feature", "label_agreement",
    "quantization_error", "report", "scorer", "stability", "topographic_error",
    "topographic_product", "trustworthiness",
]  # fmt: skip
