"""reid extract: descriptors of images or tracklets. The steps are in reid/inference/extraction.py.

python -m reid.extract FOLDER --weights small --out F.npz
python -m reid.extract FOLDER --weights RUN --tracklets --out F.parquet
"""

from reid.commands import PROGRAM

if __name__ == "__main__":
    PROGRAM.run("extract")
