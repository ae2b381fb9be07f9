"""What measures models, music and speed. It uses the rest of musictx, which knows nothing of it.

`evaluation` has the measures, `study` compares what models play, `votes` reads the blind test,
`reproduce` makes published tables again, `bench` measures speed and memory.
"""
