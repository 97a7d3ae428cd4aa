"""What the service does beside the limit of what this machine could do, both in the same run."""
