"""Usage and events for those with many machines.

`rows` decides what leaves the machine: names, numbers and times. `files` writes that as CSV or
Parquet; `points` and `otlp` bring it into the form of OpenTelemetry, and `send` posts what a
collector doesn't have yet.
"""
