"""Serving pods: template, environment, names, and the diagnosis of pods that are not ready. Pure."""
