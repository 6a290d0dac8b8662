"""Measures of the quality of a map, for rows with or without class labels."""

from somscape.measures._quality import (
    combined_error,
    dead_units,
    embedding_accuracy,
    explained_variance,
    explained_variance_by_feature,
    hit_entropy,
    hit_gini,
    mean_tied_rank,
    quantization_error,
    root_mean_squared_error,
    topographic_error,
)
from somscape.measures.chance import Stability, bootstrap_interval, stability
from somscape.measures.distances import (
    TopographicFunction,
    c_measure,
    continuity,
    kruskal_stress,
    neighborhood_preservation,
    rank_correlation,
    topographic_function,
    topographic_product,
    trustworthiness,
)
from somscape.measures.labels import (
    Agreement,
    adjusted_rand_index,
    class_entropy,
    class_scatter,
    davies_bouldin,
    label_agreement,
    majority_entropy,
    normalized_mutual_information,
    purity,
    silhouette,
)
from somscape.measures.rows import DistortionParts, by_unit, distortion, distortion_parts
from somscape.measures.summary import Measure, MeasuresReport, report, scorer

__all__ = [
    "Agreement", "DistortionParts", "Measure", "MeasuresReport", "Stability", "TopographicFunction",
    "adjusted_rand_index", "bootstrap_interval", "by_unit", "c_measure", "class_entropy",
    "class_scatter", "combined_error", "continuity", "davies_bouldin", "dead_units", "distortion",
    "distortion_parts", "embedding_accuracy", "explained_variance", "explained_variance_by_feature",
    "hit_entropy", "hit_gini", "kruskal_stress", "label_agreement", "majority_entropy",
    "mean_tied_rank", "neighborhood_preservation", "normalized_mutual_information", "purity",
    "quantization_error", "rank_correlation", "report", "root_mean_squared_error", "scorer",
    "silhouette", "stability", "topographic_error", "topographic_function", "topographic_product",
    "trustworthiness",
]  # fmt: skip
