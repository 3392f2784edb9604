"""Compiled steps on packed bits. Every one equals `golfast.life.reference` bit for bit.

`narrow` is for batches of boards up to 64 cells wide, `wide` for all others. Both work on `vector`s of eight words.
"""
