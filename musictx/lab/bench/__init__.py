"""Speed and memory, measured next to the peers that are installed: ``musictx bench``."""
