"""The Davit operator: keeps Kubernetes objects and their reported truth in step with ModelDeployments."""

__version__ = "0.1.0"
