"""How predictions are held against what is published: the Open Images metric for boxes, masks and relationships."""
