"""The domain: what is billed to whom, and why. `machine` is pure."""
