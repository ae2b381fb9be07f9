"""One loop for everything that is trained.

`config` holds the settings of a run, `run` is the loop with saving and resuming, `optimizers` the update
rules and the schedule, `metrics` the log and the plot of the loss.
"""

from musictx.training.config import TrainingConfig
from musictx.training.run import Progress, Run

__all__ = ["Progress", "Run", "TrainingConfig"]
