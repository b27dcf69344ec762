"""``stormlog shell``: statements one after the other, over the same paths."""
