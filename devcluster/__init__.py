"""A real Kubernetes for developing and testing Davit, in one command."""
