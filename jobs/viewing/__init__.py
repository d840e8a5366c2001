"""What `oilake view` needs: published files chosen and queried, images and their marks, pages, and what guards them."""
