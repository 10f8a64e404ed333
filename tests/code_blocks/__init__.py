"""Runs the code that stands in README.md, CONTRIBUTING.md and docs/: shortened in tests, at full length on request.

    python -m tests.code_blocks            # all pages at full length (`make examples-full`); hours
    python -m tests.code_blocks docs/sr3.md

docs/examples.md says how a page marks what cannot run everywhere, and what is shortened.
"""
