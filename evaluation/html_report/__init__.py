"""A comparison page that opens in a browser from disk: `write_page(folder, viewing)`."""

from evaluation.html_report.write_page import Figure, write_page

__all__ = ["Figure", "write_page"]
