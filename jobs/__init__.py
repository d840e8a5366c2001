"""WHAT HAPPENS: one file a job, named by its verb; each runs alone under spark-submit."""
