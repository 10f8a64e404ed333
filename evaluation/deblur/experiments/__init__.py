"""One module per experiment; its `main()` gives the networks that are compared."""
