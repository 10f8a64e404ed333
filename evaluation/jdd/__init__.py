"""Joint denoising and demosaicking of RAW bursts: REDS4, Videezy 4K, SC_burst, your own clips, and bundled photographs.

Every frame of a clip is restored once from the frames around it. Prediction and ground truth are compared as float sRGB
without a tone curve, all pixels; the mean is over clips. `--data clips` scores the same way on short clips with large
motion made from bundled photographs, without a download; `--data folder --folder PATH` takes frames of your own.
"""
