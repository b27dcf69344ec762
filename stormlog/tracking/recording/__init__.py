"""Evidence becomes issues: new ones, further hits, regressions."""
