"""Leaves of the house: arrays, files, random draws, progress. Imports nothing else of ours."""

import os

# OpenCV reads this when it is imported, and allows four times as many without it: no camera has more, and a damaged or
# hostile file that claims more would take gigabytes.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 28))
