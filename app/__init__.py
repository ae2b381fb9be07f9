"""The web demo: one primer, three models, heard and seen side by side.

`layout` says what the page consists of, `streaming` what happens while the models play, `routes`
answers everything else that the page asks for, and `static` is the part that runs in the browser.
"""

import os

# Read by Gradio when it is imported: no usage statistics, no look-up of newer versions.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from .layout import build
from .server import launch

__all__ = ["build", "launch"]
