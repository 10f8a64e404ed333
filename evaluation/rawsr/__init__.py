"""RawSR: super-resolution from one RAW mosaic and its rendered reference.

Prediction and ground truth are compared as gamma-encoded RGB, clipped to 0..1, in float, all pixels; images
are restored in tiles that overlap by half. Real RAW files can be restored and looked at, not scored.
"""
