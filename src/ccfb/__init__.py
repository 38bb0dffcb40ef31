"""Claude Code that doesn't stop at the limit.

Imported by every hook run: keep it empty.
"""
