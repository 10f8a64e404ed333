"""Building blocks that more than one system uses."""
