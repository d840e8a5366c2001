"""What whoever runs the lake sees of it: the record of runs, the state of the warehouse, events and metrics for others."""
