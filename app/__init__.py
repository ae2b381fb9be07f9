"""The web demo: one primer, three models, heard and seen side by side.

`layout` says what the page consists of, `streaming` what happens while the models play, `routes`
answers everything else that the page asks for, and `static` is the part that runs in the browser.
`site` and `space` write the page as folders for hosts, `web_model` models for the browser's engine.
"""

import os
import tempfile

# Read by Gradio when it is imported: no usage statistics, no look-up of newer versions.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# Nor does it keep a record of each event, and sum all of them up after each.
os.environ |= {"GRADIO_ANALYTICS_MAX_EVENTS": "1", "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(2**62)}
# Its folder belongs to whoever used Gradio first on a machine: each user needs one.
os.environ.setdefault(
    "GRADIO_TEMP_DIR", os.path.join(tempfile.gettempdir(), f"gradio-{getattr(os, 'getuid', str)()}")
)

from .layout import build
from .server import launch

__all__ = ["build", "launch"]
