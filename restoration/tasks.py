"""What can be asked for; imported before anything heavy, for the command's help."""

CLASSICAL = "classical"
TASKS = ("sr", "denoise", "jdd", "deblur", "rawsr", "sr3")
# Tasks that the training-free method does → its scale.
TASKS_OF_CLASSICAL = {"sr": 2, "denoise": 1, "jdd": 1}
# Tasks whose networks take rendered pictures as well.
TASKS_OF_RENDERED = ("denoise", "deblur", "sr3")
