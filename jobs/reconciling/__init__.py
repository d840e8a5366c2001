"""Tasks over a range of image IDs: labels reconciled to one row an image and class, and two releases compared."""
