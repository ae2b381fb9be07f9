"""One loop for everything that is trained.

Settings are in `musictx.training_settings`. `source` says what a run learns from and is judged by, `run`
is the loop, `state` what it leaves on the disk to go on from, `devices` and `shards` what it is computed on,
`optimizers` and `muon` the update rules and the schedule, `metrics` the log and the plot of the loss.
`choices` reads what a listener preferred, and `tuning` makes it something to learn from.
"""

from musictx.training.metrics import Progress
from musictx.training.run import Run
from musictx.training.source import IGNORED, Source, ValidationLoss
from musictx.training_settings import TEACHING_DROPOUT, TeachingConfig, TrainingConfig, TuningConfig

__all__ = [
    "IGNORED",
    "TEACHING_DROPOUT",
    "Progress",
    "Run",
    "Source",
    "TeachingConfig",
    "TrainingConfig",
    "TuningConfig",
    "ValidationLoss",
]
