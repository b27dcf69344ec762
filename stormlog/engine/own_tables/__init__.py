"""Tables that users bring along: read from a file or taken from a data frame, and asked beside the views."""
