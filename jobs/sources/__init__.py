"""Published bytes to Arrow batches: the only place that knows file formats."""
