"""The only place that knows MLflow, pandas, numpy and the model libraries."""
