#!/usr/bin/env bash
# Train one run on several machines: `sbatch scripts/slurm.sh folder=/shared/run task=pos trainer.accumulate=16`.
# The folder must be seen by all of them. Where a process or a machine's launcher dies, all start again from the last save; submitted
# again, the same command goes on.
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
set -euo pipefail

folder=
for word in "$@"; do
    [[ $word != folder=* ]] || folder=${word#folder=}
done
[[ -n $folder ]] || { echo "slurm.sh: name the run's folder: folder=/shared/run" >&2; exit 2; }

first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
processes=${PROCESSES_PER_NODE:-8}
export OMP_NUM_THREADS=$((SLURM_CPUS_PER_TASK / processes))

stopping=
step=
trap 'stopping=1; kill -TERM "$step"' TERM  # before the time limit: every run saves itself

# 0 once training has ended. The tasks of a step end together: a launcher that is left alone would wait for the others in vain.
train() {
    srun --kill-on-bad-exit=1 torchrun --nnodes="$SLURM_JOB_NUM_NODES" --nproc-per-node="$processes" \
        --rdzv-id="$SLURM_JOB_ID-$1" --rdzv-backend=c10d --rdzv-endpoint="$first:${PORT:-29500}" \
        -m attnlab train "${@:2}" &
    step=$!
    local code=0
    wait "$step" || code=$?
    if [[ -n $stopping ]]; then  # the signal has ended the first wait
        wait "$step" && code=0 || code=$?
    fi
    return "$code"
}

for attempt in 1 2 3; do
    train "$attempt" "$@" && exit
    # Only what was killed is tried again: neither a mistake, nor a run that was asked to stop.
    [[ -z $stopping && -d $folder/last && ! -e $folder/error.json ]] || exit 1
done
exit 1
