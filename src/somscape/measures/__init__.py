"""How good a map is, and how well its answers agree with labels."""

from somscape.measures._agreement import Agreement, label_agreement
from somscape.measures._by_unit import by_unit
from somscape.measures._distances import c_measure, kruskal_stress, rank_correlation
from somscape.measures._distortion import DistortionParts, distortion, distortion_parts
from somscape.measures._embedding import embedding_accuracy
from somscape.measures._function import TopographicFunction, topographic_function
from somscape.measures._labels import (
    adjusted_rand_index,
    class_entropy,
    class_scatter,
    majority_entropy,
    normalized_mutual_information,
    purity,
)
from somscape.measures._neighbors import continuity, neighborhood_preservation, trustworthiness
from somscape.measures._order import combined_error, mean_tied_rank
from somscape.measures._product import topographic_product
from somscape.measures._quality import (
    nearest_counted,
    quantization_error,
    root_mean_squared_error,
    topographic_error,
)
from somscape.measures._report import Measure, MeasuresReport, report
from somscape.measures._separation import davies_bouldin, silhouette
from somscape.measures._stability import Stability, bootstrap_interval, stability
from somscape.measures._use import dead_units, hit_entropy, hit_gini
from somscape.measures._variance import explained_variance, explained_variance_by_feature

__all__ = [
    "Agreement",
    "DistortionParts",
    "Measure",
    "MeasuresReport",
    "Stability",
    "TopographicFunction",
    "adjusted_rand_index",
    "bootstrap_interval",
    "by_unit",
    "c_measure",
    "class_entropy",
    "class_scatter",
    "combined_error",
    "continuity",
    "davies_bouldin",
    "dead_units",
    "distortion",
    "distortion_parts",
    "embedding_accuracy",
    "explained_variance",
    "explained_variance_by_feature",
    "hit_entropy",
    "hit_gini",
    "kruskal_stress",
    "label_agreement",
    "majority_entropy",
    "mean_tied_rank",
    "nearest_counted",
    "neighborhood_preservation",
    "normalized_mutual_information",
    "purity",
    "quantization_error",
    "rank_correlation",
    "report",
    "root_mean_squared_error",
    "silhouette",
    "stability",
    "topographic_error",
    "topographic_function",
    "topographic_product",
    "trustworthiness",
]
