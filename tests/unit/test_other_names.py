"""Names of other programs: each gives an error with the name in somscape."""

import copy
import inspect
import json
import pickle
import re
from operator import attrgetter

import minisom
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans

import somscape
from somscape import SOM, SOMClassifier, SOMClusterer, SOMDetector, SOMImputer, TableEncoder
from somscape._validate import OTHER_NAMES
from somscape.errors import ParameterError

X = np.random.default_rng(0).normal(size=(40, 3))

# One of each form; that every suggested name exists is a test below.
PARAMETERS = {
    "sigma": "radius_start",
    "x": "n_rows",
    "rlen": "n_epochs",
    "msize": "n_rows` and `n_cols",
    "n_clusters": "SOMClusterer(n_clusters=...)",
}

ATTRIBUTES = {
    "weights_": "map_.codebook",
    "winner": "map_.winners",
    "train": "fit",
    "quantization_error": "somscape.measures.quantization_error",
    "n_clusters_": "somscape.SOMClusterer",
}

NAMES = {
    "plots.u_matrix": "somscape.plots.umatrix",
    "measures.qe": "somscape.measures.quantization_error",
    "SOMRegions": "somscape.SOMClusterer",
    "MiniSom": "somscape.minisom.MiniSom",
}


def asked(name):
    return re.escape(f"Did you mean `{name}`?")


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_of_another_program_gives_the_parameter_here(name):
    with pytest.raises(TypeError, match=asked(PARAMETERS[name])):
        SOM(**{name: 2})
    with pytest.raises(ParameterError, match=asked(PARAMETERS[name])) as caught:
        SOM().set_params(**{name: 2})
    assert caught.value.parameter == name


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_of_another_program_gives_the_attribute_here(name):
    for som in (SOM(), SOM(2, 2).fit(X)):
        assert not hasattr(som, name)
        with pytest.raises(AttributeError, match=asked(ATTRIBUTES[name])):
            getattr(som, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_of_another_program_gives_the_function_here(name):
    with pytest.raises(AttributeError, match=asked(NAMES[name])):
        attrgetter(name)(somscape)
    module, _, last = f"somscape.{name}".rpartition(".")
    with pytest.raises(ImportError, match=asked(NAMES[name])):
        exec(f"from {module} import {last}")


def test_the_calls_of_susis_readme_run_with_the_import_of_somscape():
    y = (X[:, 0] > 0).astype(int)
    for susi_class in ("SOMClassifier", "SOMRegressor"):
        som = getattr(somscape, susi_class)()
        som.fit(X, y)
        assert som.predict(X).shape == (40,)
        assert som.score(X, y) > 0.5


def test_names_without_a_suggestion_raise_the_usual_errors():
    with pytest.raises(TypeError, match="unexpected keyword argument 'sigmas'"):
        SOM(sigmas=2)
    with pytest.raises(AttributeError, match=r"'SOM' object has no attribute 'weight'$"):
        SOM().weight  # noqa: B018
    with pytest.raises(AttributeError, match=r"module 'somscape.plots' has no attribute 'heat'$"):
        somscape.plots.heat  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'heat'"):
        exec("from somscape.plots import heat")
    with pytest.raises(TypeError, match="unexpected keyword argument 'sigma'"):
        TableEncoder(sigma=2)
    exec("from somscape.plots import display")


def test_an_estimator_suggests_parameters_of_its_map_and_its_own():
    with pytest.raises(TypeError, match=re.escape("Did you mean `som=SOM(radius_start=...)`?")):
        SOMClassifier(sigma=2)
    with pytest.raises(TypeError, match=re.escape("Did you mean `som=SOM(n_rows=...)`?")):
        SOMClassifier(n_rows=4)
    with pytest.raises(TypeError, match=re.escape("`som=SOM(n_rows=..., n_cols=...)`?")):
        SOMImputer(msize=(3, 4))
    with pytest.raises(TypeError, match=asked("random_state")):
        SOMDetector(seed=2)
    with pytest.raises(TypeError, match=asked("SOMClusterer(n_clusters=...)")):
        SOMClusterer(k=2)
    with pytest.raises(AttributeError, match=r"no attribute 'inertia_'$"):
        SOMDetector().fit(X).inertia_  # noqa: B018


def test_every_parameter_of_minisom_and_of_k_means_is_here_or_has_a_name_here():
    here = set(SOM().get_params()) | set(SOMClusterer().get_params())
    others = {*inspect.signature(minisom.MiniSom.__init__).parameters, *KMeans().get_params()}
    without = {"self", "input_len", "copy_x"}
    for name in sorted(others - here - without):
        with pytest.raises(TypeError, match="Did you mean"):
            SOM(**{name: 2})


def test_every_suggested_name_exists():
    som = SOM(2, 2).fit(X)
    n_names = 0
    tables = json.loads(OTHER_NAMES.read_text(encoding="utf-8"))
    for kind, table in tables.items():
        listed = [name for others in table.values() for name in others.split()]
        assert len(listed) == len(set(listed))
        n_names += len(listed)
        for here in table:
            for each in here.split(", "):
                if kind == "parameter" and "(" not in each:
                    assert each in som.get_params()
                elif kind == "parameter":
                    cls, name = re.fullmatch(r"(\w+)\((\w+)=\.\.\.\)", each).groups()
                    assert name in getattr(somscape, cls)().get_params()
                else:
                    whole = som if not each.startswith("somscape.") else somscape
                    assert attrgetter(each.removeprefix("somscape."))(whole) is not None
    assert n_names > 100


def test_signatures_and_copies_are_as_without_suggestions():
    for cls in (SOM, SOMClassifier, SOMClusterer, SOMDetector, SOMImputer, TableEncoder):
        kinds = {each.kind for each in inspect.signature(cls).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds
        assert set(inspect.signature(cls).parameters) == set(cls().get_params(deep=False))
    som = SOM(2, 3, tol=0.1).fit(X)
    for twin in (pickle.loads(pickle.dumps(som)), copy.deepcopy(som), copy.copy(som)):
        assert repr(twin) == repr(som)


def test_a_class_of_a_user_may_have_a_parameter_with_any_name():
    class Own(SOM):
        def __init__(self, n_rows="auto", *, sigma=3.0):
            super().__init__(n_rows=n_rows, radius_start=sigma)
            self.sigma = sigma

    class Open(SOM):
        def __init__(self, **others):
            super().__init__(radius_start=others["sigma"])

    assert clone(Own(sigma=2.0)).radius_start == 2.0
    assert Own().set_params(sigma=4.0).sigma == 4.0
    assert Open(sigma=2.0).radius_start == 2.0
