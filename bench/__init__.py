"""The same work done by us and by what a user would pick instead, side by side."""
