"""From a reference to a pin: which registry and store, with which credentials, how often and when sooner."""
