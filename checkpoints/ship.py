"""Turn a finished training run into a shipped checkpoint: 16-bit weights, configuration and card.

    python checkpoints/ship.py runs/relative checkpoints/relative --nll runs/relative/nll.json
    python checkpoints/ship.py runs/grand checkpoints/grand --name grand --data ASAP MAESTRO SUPRA POP909 \
        --sampling '{"theme": 0.3, "form": 0.35, "shape": "steady"}'

The weights are those of the best validation loss, and the card says where they come from.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

import torch

from musictx.checkpoint import load_model, read_card, save_model
from musictx.lab.evaluation.loading import primers_nll

DATA = {
    "ASAP": {
        "what": "performed classical piano; training: 823 performances of 159 pieces, validation: 94 of 30",
        "licence": "CC BY-NC-SA 4.0",
        "citation": "F. Foscarin, A. McLeod, P. Rigaux, F. Jacquemard, M. Sakai: ASAP: a dataset of aligned "
        "scores and performances for piano transcription. ISMIR 2020.",
    },
    "MAESTRO": {
        "what": "performed classical piano, version 3.0.0; 868 performances of the official training part: "
        "without the compositions that ASAP's or MAESTRO's validation or test parts hold",
        "licence": "CC BY-NC-SA 4.0",
        "citation": "C. Hawthorne, A. Stasyuk, A. Roberts, I. Simon, C.-Z. A. Huang, S. Dieleman, E. Elsen, "
        "J. Engel, D. Eck: Enabling factorized piano music modeling and generation with the MAESTRO dataset. "
        "ICLR 2019.",
    },
    "SUPRA": {
        "what": "piano rolls played by pianists of 1905 to 1930, the expressive MIDI; 373 of 456 rolls: "
        "without compositions that are held out",
        "licence": "CC BY-NC-SA 4.0",
        "citation": "Z. Shi, C. S. Sapp, K. Arul, J. McBride, J. O. Smith: SUPRA: digitizing the Stanford "
        "University Piano Roll Archive. ISMIR 2019.",
    },
    "POP909": {
        "what": "pop songs arranged for piano; training part 818 songs, validation 45",
        "licence": "MIT",
        "citation": "Z. Wang, K. Chen, J. Jiang, Y. Zhang, M. Xu, S. Dai, X. Gu, G. Xia: POP909: a pop-song "
        "dataset for music arrangement generation. ISMIR 2020.",
    },
}


def main() -> None:
    """Parse the command line and write the checkpoint."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--name", help="what the model is called; its position scheme by default")
    parser.add_argument("--data", nargs="+", choices=DATA, default=["ASAP", "POP909"])
    parser.add_argument("--sampling", type=json.loads, help="how it plays unless asked otherwise (JSON)")
    parser.add_argument("--nll", type=Path, help="JSON file with the measured validation NLL")
    arguments = parser.parse_args()
    model, facts = load_model(arguments.run), read_card(arguments.run / "model")
    card = {
        "name": f"musictx {arguments.name or model.config.position}",
        "licence": "CC BY-NC-SA 4.0",
        "trained on": {name: DATA[name] for name in arguments.data},
        "split": "by piece, as the corpora's training and validation folders are",
        "machine": f"{platform.processor() or platform.machine()}, PyTorch {torch.__version__}",
        **facts,
    }
    if arguments.sampling is not None:
        card["sampling"] = arguments.sampling
    save_model(model, arguments.output, card, dtype=torch.float16)
    card["primers_nll"] = round(primers_nll(load_model(arguments.output)), 4)  # of the weights as shipped
    if arguments.nll:
        card["validation_nll"] = json.loads(arguments.nll.read_text())
    save_model(model, arguments.output, card, dtype=torch.float16)


if __name__ == "__main__":
    main()
