"""The result viewer without its window: layout, what keys and mouse do, and the drawn screen."""
