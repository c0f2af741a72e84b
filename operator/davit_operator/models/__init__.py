"""From a reference to a pin: who is asked, with which credentials, how often, and when sooner than that."""
