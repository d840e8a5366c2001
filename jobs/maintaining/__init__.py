"""What keeps a warehouse small and quick: files brought together and in order, what nobody needs any more taken away."""
