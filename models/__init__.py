"""The networks: layers, then alignment and losses, then one folder per system."""
