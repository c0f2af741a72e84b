"""A serving process: wired, loading, listening, draining, ending; alone or as one of several workers."""
