"""``stormlog mcp``: tools for agents, by the Model Context Protocol over stdin and stdout.

The promise: an answer is small, says what it leaves out and how to go on, and keeps apart what files say and what
Stormlog says. Nothing changes without the permission ``issues:write``, and every change bears the name of the agent.
"""
