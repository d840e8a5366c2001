"""What every job runs on, whatever it does: its call, settings, Spark, files behind URIs, progress, logs and error texts."""
