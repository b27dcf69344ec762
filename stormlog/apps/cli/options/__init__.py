"""What commands take: options, paths, times, columns."""
