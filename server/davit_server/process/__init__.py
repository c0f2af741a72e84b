"""A serving process: wiring, loading, listening, draining, ending; alone or as one of several workers."""
