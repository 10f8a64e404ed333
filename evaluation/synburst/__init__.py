"""SyntheticBurst: synthetic RAW bursts, enlarged 4 times (validation set: 300 bursts of 14 frames).

Prediction and ground truth are compared in linear sensor RGB, without the outer 40 pixels, frames in their natural
order. `--data photos` scores the same way on bursts made from bundled photographs, without a download.
"""
