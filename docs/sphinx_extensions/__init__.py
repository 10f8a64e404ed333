"""What the site needs beyond Sphinx: order of the pages, reference pages, links from code."""
