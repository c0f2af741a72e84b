"""What every pod of ours is: template, environment, names, and why one is not ready. Pure."""
