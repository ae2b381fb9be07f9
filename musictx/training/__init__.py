"""One loop for everything that is trained.

`config` holds the settings of a run, `source` says what it learns from and is judged by, `run` is the loop,
`state` what it leaves on the disk to go on from, `devices` what it is computed on, `optimizers` the update
rules and the schedule, `metrics` the log and the plot of the loss.
"""

from musictx.training.config import TrainingConfig
from musictx.training.metrics import Progress
from musictx.training.run import Run
from musictx.training.source import IGNORED, Judge, Source

__all__ = ["IGNORED", "Judge", "Progress", "Run", "Source", "TrainingConfig"]
