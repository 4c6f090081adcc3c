#!/bin/bash
# A Slurm job array: each task does one part of the photos in list.txt. Start it with
#
#   sbatch --array=0-99 slurm.sh
#
# Numbers begin with 0. Slurm puts a task back into the queue if its node dies; the script does so if
# another run can help (75), MOST times. What failed for good (65) is not run again.
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%A_%a.log
set -o pipefail
part=$SLURM_ARRAY_TASK_ID parts=$SLURM_ARRAY_TASK_COUNT
mkdir -p ./done
split -n "r/$((part + 1))/$parts" list.txt | av-validate | av-upload --unique-names >"done/$part.jsonl"
status=$?
if [ "$status" -eq 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "${MOST:-5}" ]; then
	scontrol requeue "${SLURM_ARRAY_JOB_ID}_$part"
	# Slurm ends this run.
	sleep 60
fi
exit "$status"
