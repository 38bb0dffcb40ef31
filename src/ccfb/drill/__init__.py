"""Proof on the user's own machine: a fake API, the real client, the whole story."""
