"""Pure image operators that data synthesis and the networks share."""
