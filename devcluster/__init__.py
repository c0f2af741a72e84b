"""Creates a real Kubernetes for developing and testing Davit, with one command."""
