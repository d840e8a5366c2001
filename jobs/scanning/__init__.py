"""Reads several sorted tables side by side, a range of image IDs a task; what is made of the rows is its caller's."""
