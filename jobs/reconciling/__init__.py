"""Rows of several sorted tables side by side: spans of images, aligned and merged in tasks."""
