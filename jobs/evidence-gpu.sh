#!/bin/bash
# The trainings of README and docs/ that want a GPU, in one go; about ten minutes on an H200. From the root of the code:
#
#     pip install -e '.[benchmarks]'
#     python -m synth.render --ids 1000 --frames 4 --samples 8 --out PEOPLE
#     python -m synth.render --ids 400 --frames 16 --fps 8 --occlusion 1 --samples 4 --seed 21 --out CLIPS
#     bash jobs/evidence-gpu.sh PEOPLE CLIPS …/Market-1501-v15.09.15 OUT
#
# Parts alone: `… OUT pose`, `transfer`, `attention` (which wants OUT/small, of `pose`). Each leaves JSON and logs in OUT.
set -u
people=$1 clips=$2 market=$3 out=$4 parts=${5:-pose transfer attention}
python=${PYTHON:-python}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} PYTHONUNBUFFERED=1
mkdir -p "$out"

# log NAME COMMAND...: what it prints goes to OUT/NAME.log
log() {
  local name=$1
  shift
  "$@" >"$out/$name.log" 2>&1 || echo "failed ($?): $name, see $out/$name.log"
}

# Both pose networks on the same 900 people, measured on the other 100 and on 100 who are covered at times.
pose_network() {
  local name=$1 config=$2
  log "$name" $python -m reid.pose train --config="$config" --data="$people" --run="$out/$name" --workers=4
  measured "$name" "$out/$name/pose.safetensors"
}

measured() {
  local name=$1 weights=$2
  log "$name-people" $python -m reid.pose evaluate --data="$people" --weights="$weights" --held-out=100 --json="$out/$name-people.json"
  log "$name-clips" $python -m reid.pose evaluate --data="$clips" --weights="$weights" --held-out=100 --json="$out/$name-clips.json"
  log "$name-parts" $python -m reid.pose parts --data="$people" --weights="$weights" --held-out=100 --json="$out/$name-parts.json"
  log "$name-show" $python -m reid.pose show --data="$clips" --weights="$weights" --out="$out/$name-clips.png"  # unseen people
  log "$name-market" $python -m reid.pose show --images="$market/bounding_box_train" --weights="$weights" --out="$out/$name-market.png"
}

# How far the people carry: 100, 300 and 1000 of them, three seeds.
transfer() {
  local ids seed
  for ids in 1000 300 100; do
    for seed in 0 1 2; do
      log "transfer-$ids-$seed" $python -m benchmarks.transfer --data="$people" --market="$market" --ids=$ids \
        --seed=$seed --no-untrained --json="$out/transfer-$ids-$seed.json" &
    done
    wait
  done
}

# jobs/attention.yaml's commands for one seed, and the same network trained with plain averages.
attention() {
  local seed=$1
  local common=(--config=jobs/ablation-market-pretrain.yaml --data="$clips" --validation-ids=100 --part-gain=30
    --part-pooling=attended --limb-fields=magnitude --cover=0.4 --overlap=0 --ids-per-batch=16 --epochs=8
    --pose-weights="$out/small/pose.safetensors" --seed="$seed" --workers=2)
  local measure=($python -m reid.attention --data="$clips" --held-out=100 --seed="$seed" --chunk=16 --draws=5)
  (
    log "first-$seed" $python -m reid.pretrain "${common[@]}" --run="$out/first-$seed" --tap-input=joints \
      --attention-apart --attention-weight=5 --lr-tap=0.003
    log "second-$seed" $python -m reid.pretrain --config=jobs/attention.yaml --data="$clips" --init="$out/first-$seed" \
      --run="$out/second-$seed" --seed="$seed" --pose-weights="$out/small/pose.safetensors" --workers=2
    log "attention-$seed" "${measure[@]}" --checkpoint="$out/second-$seed" --json="$out/attention-$seed.json"
  ) &
  log "average-$seed" $python -m reid.pretrain "${common[@]}" --run="$out/average-$seed" --variant=align-avg
  log "averaged-$seed" "${measure[@]}" --checkpoint="$out/average-$seed" --json="$out/averaged-$seed.json"
  wait
}

for part in $parts; do
  case $part in
    pose)
      pose_network small jobs/pose-small.yaml &
      small=$!
      pose_network full jobs/pose-full.yaml &
      ;;
    transfer) transfer & ;;
    attention)
      [ -n "${small:-}" ] && wait "$small"
      for seed in 0 1 2; do attention $seed & done
      ;;
    *) echo "no such part: $part" >&2 && exit 2 ;;
  esac
done
wait
