"""From bytes to rows: every line comes out once, as a typed row or as a located reject."""
