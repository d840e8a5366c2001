"""Pure functions on Arrow batches: no I/O, no session, no logging."""
