"""The words of Davit and the ports to the outside. Pure: no clock, no environment, no I/O."""
