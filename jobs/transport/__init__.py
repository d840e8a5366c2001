"""Bytes over HTTP and S3, with retries, resume and a guard on addresses; shared by release files and images."""
