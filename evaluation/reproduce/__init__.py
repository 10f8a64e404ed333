"""Released networks measured again, beside their published figures."""
