"""Whether a change may pass: the rules of the gate and their report."""
