"""The file of the tracker: who may open it, its tables, and how they change from version to version."""
