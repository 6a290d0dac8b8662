"""Collections of Dask, Spark and Ray as pieces."""
