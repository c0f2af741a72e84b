"""What requests and answers look like: MLflow's `/invocations`, and the Open Inference Protocol."""
