"""What leaves the workflow: pages that open anywhere, the record of where results come from, and archives."""
