#!/usr/bin/env bats
# The recipe of av-machines(7) for Slurm: a controller, and nodes in network namespaces.

load ../programs/helper
load ../programs/hosts

# slurm N...: a controller, and a slurmd on each host
slurm() {
	local n
	hosts "$@"
	mkdir -p /run/munge slurm/host{1,2}
	head -c 128 /dev/urandom >/run/munge.key
	chmod 400 /run/munge.key
	munged --force --key-file=/run/munge.key --pid-file=/run/munge.pid --log-file=/run/munge.log \
		--seed-file=/run/munge.seed
	export SLURM_CONF=$PWD/slurm.conf
	cat >slurm.conf <<-END
		ClusterName=test
		SlurmctldHost=$(hostname)(10.0.1.1)
		SlurmUser=root
		AuthType=auth/munge
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU
		StateSaveLocation=$PWD/slurm/ctld
		SlurmdSpoolDir=$PWD/slurm/%n
		SlurmctldPidFile=/run/slurmctld.pid
		SlurmdPidFile=/run/%n.pid
		SlurmctldLogFile=$PWD/slurm/ctld.log
		SlurmdLogFile=$PWD/slurm/%n.log
		AuthInfo=cred_expire=5
		MessageTimeout=2
		SlurmdTimeout=4
		MinJobAge=600
		ReturnToService=2
		PartitionName=all Nodes=ALL Default=YES
	END
	for n; do
		echo "NodeName=host$n NodeAddr=10.0.$n.2 CPUs=2" >>slurm.conf
	done
	echo CgroupPlugin=cgroup/v1 >cgroup.conf
	slurmctld -D 2>/dev/null &
	until scontrol ping | grep -q UP; do sleep 0.1; done
	for n; do
		start_slurmd "$n"
	done
}

# start_slurmd N: starts the host's slurmd and waits for it
start_slurmd() {
	on "$1" slurmd -D -N "host$1" 2>/dev/null &
	until [ "$(sinfo -h -n "host$1" -o %T)" = idle ]; do sleep 0.1; done
}

slurm_array() {
	batch 40 --delay 1000 --fault 402@avtr1#6
	add_bad
	shared_ledger 3
	slurm 1 2
	sbatch --array=0-5 "$ENGINES/slurm.sh"
	some 12
	until squeue -h -t R -o %N | grep -q host2; do sleep 0.1; done
	kill_host 2
	until [ -z "$(squeue -h)" ]; do sleep 0.2; done
	scontrol -o show job >jobs
	is "$(grep -c 'JobState=COMPLETED .* ExitCode=0:0' jobs)" 5
	is "$(grep 'JobState=FAILED' jobs | grep -oE 'ExitCode=[0-9]+')" ExitCode=65
	[ "$(grep -oE 'Restarts=[1-9]' jobs | wc -l)" -ge 2 ]
	grep -qF '(402)' slurm*.log
	all_but_bad done/*.jsonl >most
	check_batch 40 most
}

@test "Slurm: a node dies in mid-run; 75 is run again, 65 is not" {
	needs slurmctld slurmd munged psql iptables
	alone slurm_array
}
