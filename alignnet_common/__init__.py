"""What both `synth` and `reid` stand on: starting a command, writing files, the COCO-18 skeleton."""
