"""From a plan to kernel steps with addresses: schedule, bands, arena."""
