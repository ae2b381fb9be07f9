"""Play on with onnxruntime and NumPy alone: python play_on_onnx.py MODEL.onnx [TOKENS]."""

import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1])
stored = [each for each in session.get_inputs() if "." in each.name]  # keys.0, values.0, keys.1, …
cache = {each.name: np.zeros(each.shape, np.float32) for each in stored}
capacity = stored[0].shape[1]
rng = np.random.default_rng(0)
tokens = [389]  # START; a whole primer may stand here
position, music = 0, []
while position + len(tokens) <= capacity and len(music) < int(sys.argv[2] if len(sys.argv) > 2 else 500):
    inputs = {"tokens": np.array(tokens), "position": np.array(position), **cache}
    logits, *new = session.run(None, inputs)
    for each, rows in zip(stored, new, strict=True):
        cache[each.name][:, position : position + len(tokens)] = rows
    position += len(tokens)
    chances = np.exp(logits - logits.max())
    chances[388:390] = 0  # PAD and START never come
    tokens = [int(rng.choice(len(chances), p=chances / chances.sum()))]
    music += tokens
print(*music)  # musictx.events.decode makes notes of them
