"""What every command shares: options by one name, progress, and places of outputs."""
