"""From a batch to a loss: which network sees what, and which terms are summed."""
