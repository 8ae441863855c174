"""reid export: write a network as ONNX or as a program of torch.export. The steps are in reid/exporting/export.py."""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("export")
