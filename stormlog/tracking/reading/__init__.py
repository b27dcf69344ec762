"""What people read of issues: lists, one issue, its history, conditions over them."""
