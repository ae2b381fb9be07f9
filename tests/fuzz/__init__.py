"""Random damage to everything that musictx reads, to find what it cannot bear: ``python -m tests.fuzz``.

A case is the bytes that stand for one input, made from a seed and a number. A target makes cases and gives
them to musictx; `worker` runs it in a process of its own and keeps what fails.

A finding is an exception that is no `MusictxError`, a status 500, music that breaks an invariant, more
processor time or memory than a case may take, and a process that dies.
"""
