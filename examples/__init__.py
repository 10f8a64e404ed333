"""Short programs that use the toolkit, each of one thing: `python -m examples.NAME`. docs/examples.md lists them."""
