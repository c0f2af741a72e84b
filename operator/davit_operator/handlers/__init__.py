"""Where the outside calls in: watch events, the resync task, probes. They parse, call and report."""
