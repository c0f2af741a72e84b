"""What is known about MLflow's flavors, and faster predictors for their models: see `table.py`."""
