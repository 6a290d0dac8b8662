"""Read collections of Dask, Spark and Ray in parts."""
