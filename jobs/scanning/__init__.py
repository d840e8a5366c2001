"""Rows of several sorted tables side by side, a range of image IDs a task."""
