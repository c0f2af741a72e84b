"""A real single-node Kubernetes in separate namespaces, without Docker."""
