"""HTTP routes, errors, health, metadata and the documentation page; no code about models."""
