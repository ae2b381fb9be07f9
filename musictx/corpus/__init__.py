"""A folder of MIDI → an encoded corpus on disk, split by piece, drawn as batches.

`folder` encodes and opens, `grouping` finds performances of one piece, `split` holds pieces out,
`windows` cuts them into chunks to be judged by, `batches` draws windows for training, which `augmentation`
varies and in which `repeats` brings passages back.
"""

from musictx.corpus.augmentation import NO_AUGMENTATION, Augmentation, augment
from musictx.corpus.batches import BatchSource
from musictx.corpus.folder import Corpus, build_corpus, find_midi, open_corpus
from musictx.corpus.grouping import group_pieces
from musictx.corpus.repeats import Repeats
from musictx.corpus.split import Split, split_sources, training_and_validation
from musictx.corpus.windows import Chunk, consecutive_chunks

__all__ = [
    "NO_AUGMENTATION",
    "Augmentation",
    "BatchSource",
    "Chunk",
    "Corpus",
    "Repeats",
    "Split",
    "augment",
    "build_corpus",
    "consecutive_chunks",
    "find_midi",
    "group_pieces",
    "open_corpus",
    "split_sources",
    "training_and_validation",
]
