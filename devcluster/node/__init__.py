"""A real single-node Kubernetes in namespaces of its own, without Docker."""
