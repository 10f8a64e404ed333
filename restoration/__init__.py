"""A user's own burst, from the files of a camera to one finished photograph."""
