# Renders synthetic data sets on CPUs: `synth` with Blender's Python module, on Debian 12 (Python 3.11, Blender 5.0).
#
#     docker build --file docker/render-cpu.Dockerfile --tag alignnet-synth .
#     docker run --rm --shm-size 2g --user "$(id -u):$(id -g)" --volume "$PWD/data:/workspace/data" \
#         alignnet-synth render --ids 100 --out /workspace/data/synthetic
#
# Apptainer, on a cluster without Docker (the image is built by Docker elsewhere and copied as one file):
#
#     docker save --output alignnet-synth.tar alignnet-synth && apptainer build alignnet-synth.sif docker-archive://alignnet-synth.tar
#     apptainer run --bind "$PWD/data:/workspace/data" alignnet-synth.sif render --ids 100 --out /workspace/data/synthetic
FROM debian:12-slim

# The libraries that Blender loads; `synth doctor` names those that are missing.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        python3.11 python3.11-venv \
        libxrender1 libxi6 libxxf86vm1 libxfixes3 libxkbcommon0 libsm6 libice6 libgl1 libegl1 \
    && rm -rf /var/lib/apt/lists/*

RUN python3.11 -m venv /opt/alignnet
ENV PATH=/opt/alignnet/bin:$PATH

# PyTorch only poses the bodies here. Its build without CUDA is 5 GB smaller: give the address of PyTorch's CPU wheels
# (https://pytorch.org/get-started/locally) as --build-arg TORCH_INDEX=ADDRESS.
ARG TORCH_INDEX=
RUN if [ -n "$TORCH_INDEX" ]; then pip install --no-cache-dir --index-url "$TORCH_INDEX" torch torchvision; fi

COPY . /src
RUN pip install --no-cache-dir '/src[synth]' && rm -rf /src && synth doctor

# Ray and Matplotlib write below HOME, which an arbitrary --user has none of.
ENV HOME=/tmp
WORKDIR /workspace
ENTRYPOINT ["synth"]
CMD ["--help"]
