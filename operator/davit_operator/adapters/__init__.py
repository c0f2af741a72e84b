"""Adapters, one file per external system: Kubernetes, MLflow, stores, clock, metrics."""
