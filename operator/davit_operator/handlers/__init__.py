"""Entry points of the operator: watch events, the resync task, webhook deliveries and probes."""
