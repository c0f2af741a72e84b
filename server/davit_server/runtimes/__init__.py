"""A model as MLflow loads it: rows in and out of it, and explanations of inputs that do not fit."""
