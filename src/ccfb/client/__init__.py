"""All that knows Claude Code. A change in the client touches this room only."""
