#!/usr/bin/env bash
# Train one run on several machines: `sbatch scripts/slurm.sh task=pos trainer.accumulate=16`. Submitted again, it goes on.
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --signal=TERM@60
#SBATCH --requeue
set -euo pipefail

first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
processes=${PROCESSES_PER_NODE:-8}
export OMP_NUM_THREADS=$((SLURM_CPUS_PER_TASK / processes))

srun torchrun --nnodes="$SLURM_JOB_NUM_NODES" --nproc-per-node="$processes" \
    --rdzv-id="$SLURM_JOB_ID" --rdzv-backend=c10d --rdzv-endpoint="$first:29500" \
    -m attnlab train folder="${RUN_FOLDER:-$PWD/outputs/slurm-$SLURM_JOB_ID}" "$@"
