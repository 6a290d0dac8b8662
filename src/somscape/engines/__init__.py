"""Read collections (distributed tables) of Dask, Spark and Ray piece by piece."""
