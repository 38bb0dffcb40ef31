"""Who can be billed instead of the plan; one file each."""
