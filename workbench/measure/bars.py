"""What the three bars of every comparison are called, in records, charts and tables."""

TORCH_DENSE = "torch dense"
OURS_DENSE = "workbench dense"
OURS_PRUNED = "workbench pruned"
