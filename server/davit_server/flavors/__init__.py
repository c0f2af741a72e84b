"""What is known of MLflow's flavors, and the faster ways of calling their models: see `table.py`."""
