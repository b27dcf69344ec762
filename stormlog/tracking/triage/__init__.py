"""What people do with issues: change their state, comment, merge, take a merge back."""
