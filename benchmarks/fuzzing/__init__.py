"""Damaged and hostile files for every reader, and a process in which they are read under watch."""
