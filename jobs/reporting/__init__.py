"""Pages for people: the report of a run, what tables promise and whether they keep it, and Great Expectations' own."""
