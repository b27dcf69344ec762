"""Front ends. They hold no rules: what two of them need is in the library."""
