"""Measures Davit beside other servers of MLflow models: run `make bench`."""
