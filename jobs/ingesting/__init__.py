"""How a release's files become staged rows: splits read, judged and written in tasks, and what is known of each file."""
