"""Kaogae (顔替え) gives an anime picture another facial expression.

The stages, in the order in which the data flows:

    atelier ─► dataset ─► train ─► transfer

`atelier` draws labelled faces, `dataset` freezes faces into a manifest with splits, `train` fits the networks
of `stargan` to it, and `transfer` puts another expression on a picture with what came out.
"""

__version__ = "0.1.0"
