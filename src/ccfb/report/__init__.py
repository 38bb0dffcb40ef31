"""What it all cost, from the client's transcripts and the ledger.

The way of the data: `begin` (a `listing` of the transcripts there are) → `update` (`scan` and
`answer` in several `readers`: bytes → messages; `facts`: messages → sums, with what they cost;
`background`: what stands in no message) → `cache` (the sums, in SQLite) → `summary` (pure: sums →
a view) → `render`. Where nothing has changed, only the first and the last three have something to
do, and no more than them is imported.
"""
