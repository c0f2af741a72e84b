"""Builds Davit's container images with Docker, or without it."""
