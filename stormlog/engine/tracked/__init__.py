"""States of issues for views: from the tracker or from a file of states."""
