"""How the files of a release come into the landing area: over HTTP, from S3 or from a folder, whole or not at all."""
