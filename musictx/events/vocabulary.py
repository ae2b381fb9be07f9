"""The vocabulary: 388 performance events and three specials.

That of Oore et al. (2018), as Music Transformer uses it::

      0 … 127   NOTE_ON     pitch
    128 … 255   NOTE_OFF    pitch
    256 … 355   TIME_SHIFT  10 ms … 1 s
    356 … 387   VELOCITY    32 levels, only where it changes
    388 PAD, 389 START, 390 END

References
----------
Oore et al., "This time with feeling: learning expressive musical performance" (2018).
"""

STEP_SECONDS = 0.01
STEPS_PER_SECOND = 100
MAX_SHIFT = 100  # steps in the longest TIME_SHIFT
VELOCITY_LEVELS = 32
VELOCITIES_PER_LEVEL = 4

NOTE_ON, NOTE_OFF, TIME_SHIFT, VELOCITY = 0, 128, 256, 356
PAD, START, END = 388, 389, 390
EVENTS = 388
VOCABULARY_SIZE = 391

FIRST_VELOCITY_LEVEL = -1  # no level has been said yet
DEFAULT_VELOCITY_LEVEL = 20  # velocity 82: what a note has if no VELOCITY came before it
