"""How the images of a release come to a folder or a bucket: chosen, asked for in Spark's tasks, told in `downloads`."""
