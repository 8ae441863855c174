# Trains and evaluates on NVIDIA GPUs: `reid` alone, on Debian 13 (Python 3.13). PyTorch's wheels bring CUDA along; the
# host needs the driver and the NVIDIA Container Toolkit.
#
#     docker build --file docker/train-cuda.Dockerfile --tag alignnet-reid .
#     docker run --rm --gpus all --shm-size 8g --user "$(id -u):$(id -g)" --volume "$PWD:/workspace" \
#         alignnet-reid pretrain --data data/synthetic --output-dir runs/pretrain
#
# Several GPUs of one machine:
#
#     docker run --rm --gpus all --shm-size 8g --volume "$PWD:/workspace" --entrypoint torchrun alignnet-reid \
#         --nproc-per-node 4 -m -- reid.pretrain --data data/synthetic --output-dir runs/pretrain --batch-norm synchronised
#
# Apptainer, on a cluster without Docker (the image is built by Docker elsewhere and copied as one file):
#
#     docker save --output alignnet-reid.tar alignnet-reid && apptainer build alignnet-reid.sif docker-archive://alignnet-reid.tar
#     apptainer run --nv --bind "$PWD:/workspace" --pwd /workspace alignnet-reid.sif pretrain --data data/synthetic
FROM debian:13-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3.13 python3.13-venv \
    && rm -rf /var/lib/apt/lists/*

RUN python3.13 -m venv /opt/alignnet
ENV PATH=/opt/alignnet/bin:$PATH

COPY . /src
RUN pip install --no-cache-dir /src && rm -rf /src && reid doctor

# Matplotlib and PyTorch write below HOME, which an arbitrary --user has none of.
ENV HOME=/tmp
WORKDIR /workspace
ENTRYPOINT ["reid"]
CMD ["--help"]
