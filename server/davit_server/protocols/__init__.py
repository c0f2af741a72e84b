"""The formats of requests and answers: MLflow's `/invocations`, and the Open Inference Protocol."""
