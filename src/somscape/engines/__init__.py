"""Read collections (distributed tables) of Dask and Spark piece by piece."""
