"""One outside system a file: Kubernetes, MLflow, stores, clock, metrics. Each fulfils a port of `domain`."""
