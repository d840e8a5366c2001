"""The report as a site: plots as inline SVG with their numbers beside, a page a release, the hierarchy as a tree."""
