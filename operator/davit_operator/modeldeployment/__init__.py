"""The kind ModelDeployment: its tracks and their objects, its rollout, its status, its reconciler."""
