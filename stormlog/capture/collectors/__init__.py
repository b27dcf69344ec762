"""Where numbers about memory come from: the process, its host, its devices and their allocators."""
