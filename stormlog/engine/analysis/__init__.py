"""What is worked out of rows before a view can answer: hidden memory, phases, copies, the catalog."""
