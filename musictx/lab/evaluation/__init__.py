"""Measuring models and music.

==================  =====================================================================================
`nll`               losses of real music, convention ``perf388``: sums by place and event type
`baselines`         what models without learning reach
`intervals`         bootstrap intervals, paired tests, Holm's correction
`compare`           several models on the same music (``musictx evaluate``); `report` shows it
`repeats`           what a passage costs when it comes again; its `variants` are made and varied there
`shift`             whether it matters where music stands in the context
`extrapolation`     which rule goes on best past the training length
`structure`         a continuation beside its primer; its motifs are found in `motifs`
`alignment`         how far two melodies run along with each other, note by note
`chance`            both beside the primers of other pieces
`classifier_test`   whether made music can be told from real, by the figures of short `excerpts`
`degeneration`      notes that pile up, keys that are never left
`similarity`        self-similarity and structureness
`violations`        how often the grammar would be broken
`attention_maps`    what a model attended to when it chose a note; `attention_figures`: how far back
`surprise`          NLL shared out among the notes of a take, and the primer when it comes again
`copies`            passages shared with a corpus
`jsb`               convention ``jsb16``
`loading`           music and models by name
==================  =====================================================================================
"""

from musictx.lab.evaluation.structure import describe_continuation

__all__ = ["describe_continuation"]
