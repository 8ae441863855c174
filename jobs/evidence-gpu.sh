#!/bin/bash
# Most of the GPU trainings of docs/experiments: by default the parts pose, transfer and attention, about ten minutes on an
# H200. From the root of the code:
#
#     pip install -e '.[benchmarks]'
#     python -m synth.render --ids 1000 --frames 4 --samples 8 --no-denoise --out PEOPLE
#     python -m synth.render --ids 400 --frames 16 --fps 8 --occlusion 1 --samples 4 --no-denoise --seed 21 --out CLIPS
#     bash jobs/evidence-gpu.sh PEOPLE CLIPS …/Market-1501-v15.09.15 OUT
#
# Other parts, or some alone: `… OUT "pose choices"`, `transfer`, `choices`, `start`, `place`, `attention` (with the small network of `pose`, or of
# assets/weights where that has not run). And `leave`, for the sets that `python -m benchmarks.leave_one_out --trainings 3`
# has rendered in OUT/leave (its --ids, --frames and --steps as LEAVE_IDS, LEAVE_FRAMES, LEAVE_STEPS): after it, that command writes the
# table. TRAINERS is how many trainings of `leave` and `choices` run at a time. Each leaves JSON and logs in OUT.
set -u
people=$1 clips=$2 market=$3 out=$4 parts=${5:-pose transfer attention}
python=${PYTHON:-python}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} PYTHONUNBUFFERED=1
for part in $parts; do
  case $part in
    pose | transfer | leave | choices | start | place | attention) ;;
    *) echo "error: no such part: $part" >&2 && exit 2 ;;
  esac
done
mkdir -p "$out"
rm -f "$out/failed.log"
ours=(--part-gain=30 --part-pooling=attended --limb-fields=magnitude) # our defaults, where a job names the paper's equations

# log NAME COMMAND...: what it prints goes to OUT/NAME.log
log() {
  local name=$1
  shift
  "$@" >"$out/$name.log" 2>&1 || echo "failed ($?): $name, see $out/$name.log" | tee -a "$out/failed.log"
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

# Direct transfer of 100, 300 and 1000 identities, three seeds.
transfer() {
  local ids seed
  for ids in 1000 300 100; do
    for seed in 0 1 2; do
      log "transfer-$ids-$seed" $python -m benchmarks.transfer --data="$people" --market="$market" --ids=$ids \
        --seed=$seed --no-untrained --json="$out/transfer-$ids-$seed.json" &
    done
  done
  wait
}

# Each factor left out: the sets in OUT/leave, TRAINERS at a time, with the options that benchmarks.leave_one_out had.
leave() {
  local seed set
  for seed in 0 1 2; do
    for set in "$out"/leave/*/manifest.jsonl; do
      set=$(basename "$(dirname "$set")")
      while [ "$(jobs -rp | wc -l)" -ge "${TRAINERS:-8}" ]; do wait -n; done
      log "leave-$set-$seed" $python -m benchmarks.transfer --data="$out/leave/$set" --market="$market" \
        --ids="${LEAVE_IDS:-100}" --frames="${LEAVE_FRAMES:-4}" --steps="${LEAVE_STEPS:-400}" --seed=$seed --no-untrained \
        --json="$out/leave/$set-seed-$seed.json" &
    done
  done
  wait
}

# What the paper leaves open, on frames of 128x64: cells, and a tracklet's last, shorter chunk.
choices() {
  log choices $python -m benchmarks.choices --market="$market" --choices=stride-8,stride-32,tail-drop --out="$out/choices" \
    --options.height=128 --options.width=64 --options.pose-scale=1 --trainers=${TRAINERS:-8}
}

# What the pose network starts from: random, taught by the rendered joints in pre-training, or the shipped one, left as it is.
start() {
  local name seed
  for name in shipped random; do
    local pose=()
    [ $name = random ] && pose=(--pose-weights=null --pose-maps=network --lr-pose=0.001)
    for seed in 0 1 2; do
      (
        log "start-$name-$seed" $python -m reid.pretrain --config=jobs/ablation-market-pretrain.yaml "${ours[@]}" "${pose[@]}" \
          --data="$people" --held-out=100 --epochs=4 --seed="$seed" --run="$out/start-$name-$seed" --workers=1
        log "start-$name-$seed-pose" $python -m reid.pose evaluate --data="$people" --weights="$out/start-$name-$seed/model.safetensors" \
          --held-out=100 --seed="$seed" --json="$out/start-$name-$seed-pose.json"
        log "start-$name-$seed-tuned" $python -m reid.finetune --config=jobs/ablation-market-finetune.yaml "${ours[@]}" \
          --root="$market" --init="$out/start-$name-$seed" --seed="$seed" --run="$out/start-$name-$seed-tuned"
      ) &
    done
    wait
  done
}

# People cut out and put before other places while pre-training, or not; for how long.
place() {
  local seed epochs chance run
  for seed in 0 1 2; do
    for epochs in 4 8; do
      for chance in 0 0.7; do
        run=place-$epochs-$chance-$seed
        (
          log "$run" $python -m reid.pretrain --config=jobs/ablation-market-pretrain.yaml "${ours[@]}" --data="$people" \
            --held-out=100 --epochs="$epochs" --new-place="$chance" --pose-maps=network --lr-pose=0 --seed="$seed" \
            --run="$out/$run" --workers=1
          log "$run-tuned" $python -m reid.finetune --config=jobs/ablation-market-finetune.yaml "${ours[@]}" --root="$market" \
            --init="$out/$run" --seed="$seed" --run="$out/$run-tuned"
        ) &
      done
    done
  done
  wait
}

# jobs/attention.yaml's commands for one seed, and the same network trained with plain averages.
attention() {
  local seed=$1
  local common=(--config=jobs/ablation-market-pretrain.yaml "${ours[@]}" --data="$clips" --held-out=100 --cover=0.4
    --overlap=0 --ids-per-batch=16 --epochs=8 --pose-weights="$small_weights" --seed="$seed" --workers=2)
  local measure=($python -m reid.attention --data="$clips" --held-out=100 --seed="$seed" --chunk=16 --draws=5)
  (
    log "first-$seed" $python -m reid.pretrain "${common[@]}" --run="$out/first-$seed" --tap-input=joints \
      --attention-apart --attention-weight=5 --lr-tap=0.003
    log "second-$seed" $python -m reid.pretrain --config=jobs/attention.yaml --data="$clips" --init="$out/first-$seed" \
      --run="$out/second-$seed" --seed="$seed" --pose-weights="$small_weights" --workers=2
    log "attention-$seed" "${measure[@]}" --weights="$out/second-$seed" --json="$out/attention-$seed.json"
  ) &
  log "average-$seed" $python -m reid.pretrain "${common[@]}" --run="$out/average-$seed" --variant=align-avg
  log "averaged-$seed" "${measure[@]}" --weights="$out/average-$seed" --json="$out/averaged-$seed.json"
  wait
}

for part in $parts; do
  case $part in
    pose)
      pose_network small jobs/pose-small.yaml &
      small=$!
      pose_network full jobs/pose-full.yaml &
      ;;
    transfer | leave | choices | start | place) $part & ;;
    attention)
      [ -n "${small:-}" ] && wait "$small"
      small_weights=$out/small/pose.safetensors
      [ -f "$small_weights" ] || small_weights=assets/weights/pose-small.safetensors
      for seed in 0 1 2; do attention $seed & done
      ;;
  esac
done
wait
[ ! -f "$out/failed.log" ]
