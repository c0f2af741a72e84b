"""From a location to verified files on disk: the only place with store credentials, and no model code."""
