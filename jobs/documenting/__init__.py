"""Pages about tables: what they promise, what was found, and how that went over their versions."""
