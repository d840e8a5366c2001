"""Whether rows and tables keep what quality/ promises: at ingest, before a publication, and whenever one asks."""
