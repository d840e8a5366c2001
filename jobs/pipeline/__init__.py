"""The road of a job that writes tables: how it starts, passes the gate, and publishes."""
