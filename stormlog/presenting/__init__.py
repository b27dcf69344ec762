"""Answers as people read them: quantities, safe text, and explanations as a screen, Markdown or one line."""
