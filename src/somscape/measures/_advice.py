"""What each measure says: what is good, what is bad, and what to turn."""

from typing import NamedTuple


class Advice(NamedTuple):
    """What to make of a measure.

    Attributes
    ----------
    good : str
        The direction, in a few words.
    says : str
        What is good, what is bad, and what to turn, in a sentence.
    """

    good: str
    says: str


ADVICE = {
    "quantization_error": Advice(
        "lower",
        "The mean distance of a row to its prototype: good is far below that between rows; if it "
        "is high, take more units or a smaller final radius.",
    ),
    "root_mean_squared_error": Advice(
        "lower",
        "The quantization error with far rows counting more: well above it, a few rows lie far "
        "from every unit; look for them, or take more units.",
    ),
    "explained_variance": Advice(
        "near 1",
        "The share of variance that prototypes explain: 0 is no better than the mean; if it is "
        "low, take more units or a smaller final radius.",
    ),
    "embedding_accuracy": Advice(
        "near 1",
        "The share of variance in columns where prototypes are spread as rows: if it is low, take "
        "a smaller final radius; a column with few values, such as yes or no, never counts.",
    ),
    "distortion": Advice(
        "lower",
        "What training lowers: compare maps of one size at one radius only; if it is high, train "
        "for more epochs.",
    ),
    "topographic_error": Advice(
        "near 0",
        "The share of rows whose two nearest units are no neighbors, of 8 on squares and 6 on "
        "hexagons: above a tenth nearness misleads; take a larger final radius.",
    ),
    "mean_tied_rank": Advice(
        "the rank of neighbors",
        "How far the second unit lies from the first: 4.5 inside squares and 3.5 inside "
        "hexagons is best, or less at edges; if it is much higher, take a larger final radius.",
    ),
    "combined_error": Advice(
        "lower",
        "Fit and order in one: far above the quantization error the map is folded; take a larger "
        "final radius or more epochs.",
    ),
    "topographic_product": Advice(
        "near 0",
        "Whether the map has the dimension of the data: below 0 too few, so try a more even shape; "
        "above 0 too many, so try a longer one.",
    ),
    "topographic_function": Advice(
        "near 0",
        "Its value at 0, the folds per unit: many say that the data have more dimensions than the "
        "map; take a larger final radius.",
    ),
    "trustworthiness": Advice(
        "near 1",
        "Whether rows close on the map are close in the data: below 0.9 do not read neighbors as "
        "alike; take more units if it is low on prototypes, too, else a larger final radius.",
    ),
    "continuity": Advice(
        "near 1",
        "Whether rows close in the data stay close on the map: below 0.9 groups are torn apart; "
        "take a larger final radius or more epochs.",
    ),
    "neighborhood_preservation": Advice(
        "higher",
        "The share of nearest rows that stay the nearest: low where many rows share a unit; "
        "compare maps of one size, and take more units.",
    ),
    "trustworthiness_on_prototypes": Advice(
        "near 1",
        "Trustworthiness among prototypes: if it is high and that on the grid is low, the units "
        "are good and their order is not; take a larger final radius.",
    ),
    "continuity_on_prototypes": Advice(
        "near 1",
        "Continuity among prototypes: if it is high and that on the grid is low, the units are "
        "good and their order is not; take a larger final radius.",
    ),
    "neighborhood_preservation_on_prototypes": Advice(
        "higher",
        "Nearest rows that stay nearest among prototypes: low where many rows share a unit; take "
        "more units.",
    ),
    "c_measure": Advice(
        "higher",
        "Distance in the data times distance on the map, over all pairs: compare maps of the same "
        "rows and lattice only; if another has more, take a larger first radius.",
    ),
    "kruskal_stress": Advice(
        "near 0",
        "How far distances on the map are from those in the data: small for units in no order, "
        "too, so compare maps of one lattice; rank_correlation tells whether to read distances.",
    ),
    "rank_correlation": Advice(
        "near 1",
        "Whether rows far apart are far apart on the map: below 0.5 do not read distances across "
        "the map; take a larger first radius or another shape.",
    ),
    "dead_units": Advice(
        "near 0",
        "The share of units without rows: if it is high on the training rows, take fewer units, or "
        "a smaller final radius; on other rows it says little.",
    ),
    "hit_entropy": Advice(
        "near 1",
        "How evenly rows use the units: if it is low on the training rows, a few units hold most; "
        "look for equal rows and columns on very different scales.",
    ),
    "hit_gini": Advice(
        "near 0",
        "How unevenly rows use the units: near 1 on the training rows a few units hold all; look "
        "for equal rows and columns on very different scales.",
    ),
    "purity": Advice(
        "near 1",
        "The share of rows with the main class of their unit: bad is the share of the largest "
        "class; take more units, or columns that tell classes apart.",
    ),
    "normalized_mutual_information": Advice(
        "near 1",
        "What units and classes say about each other: 0 is nothing; many units to a class lower "
        "it, so compare by regions.",
    ),
    "adjusted_rand_index": Advice(
        "near 1",
        "Pairs of rows on which units and classes agree: 0 is chance; many units to a class lower "
        "it, so compare by regions.",
    ),
    "class_entropy": Advice(
        "near 0",
        "How mixed the classes of a unit are: bad is the entropy of the classes; take more units, "
        "or columns that tell classes apart.",
    ),
    "majority_entropy": Advice(
        "near 0",
        "How far units are from one class, added up: compare maps of one size only; take more "
        "units, or columns that tell classes apart.",
    ),
    "class_scatter": Advice(
        "near 1",
        "Connected groups of units per class: many say that classes are torn apart or are several "
        "groups; take a larger final radius to see which.",
    ),
    "silhouette": Advice(
        "near 1",
        "How much closer rows are to their own region: near 0 regions touch; ask for fewer "
        "regions, or leave out columns that say nothing.",
    ),
    "davies_bouldin": Advice(
        "near 0",
        "How wide regions are for how far they lie apart: above 1 they overlap; ask for another "
        "number of regions.",
    ),
}
