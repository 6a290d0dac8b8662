"""Clusters of Dask and Spark, one for the tests of a file: `make others` installs them."""

import os
import sys

import clusters
import pytest
from clusters import two_workers


@pytest.fixture(scope="module")
def dask_client():
    with two_workers() as client:
        yield client


@pytest.fixture(scope="module")
def spark(request):
    pytest.importorskip("pyspark", reason="Spark is not installed: make others")
    from pyspark import cloudpickle
    from pyspark.sql import SparkSession

    for module in (clusters, request.module):
        cloudpickle.register_pickle_by_value(module)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture
def fragile_client():
    with two_workers() as client:
        yield client
