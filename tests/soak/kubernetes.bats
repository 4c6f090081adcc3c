#!/usr/bin/env bats
# The container image, and the recipe of av-machines(7) for Kubernetes: its manifest has only what the
# API knows, and podman runs its pods, with their user, rights, settings and volumes.

load ../programs/helper
load ../programs/hosts

setup_file() {
	export IMAGE=$BATS_FILE_TMPDIR/image TAG
	make -C "$BATS_TEST_DIRNAME/../.." image IMAGE_PACKAGES=avtools >"$BATS_FILE_TMPDIR/log" 2>&1 ||
		{ tail -n 20 "$BATS_FILE_TMPDIR/log"; false; }
	mkdir "$IMAGE"
	tar -xf "$BATS_TEST_DIRNAME/../../build/avtools-image.tar" -C "$IMAGE"
	TAG=$(jq -r '.[0].RepoTags[0]' "$IMAGE/manifest.json")
}

@test "the container image is whole, in the layouts of OCI and docker, and its programs run" {
	cd "$IMAGE"
	[ -z "$(cd blobs/sha256 && sha256sum ./* | awk '$1 != substr($2, 3)')" ]
	manifest=$(jq -r '.manifests[0].digest | sub(":"; "/")' index.json)
	is "$(jq -r '[.config, .layers[0] | "blobs/" + (.digest | sub(":"; "/"))] | join(" ")' "blobs/$manifest")" \
		"$(jq -r '.[0] | [.Config, .Layers[0]] | join(" ")' manifest.json)"
	config=$(jq -r '.[0].Config' manifest.json)
	layer=$(jq -r '.[0].Layers[0]' manifest.json)
	is "sha256:$(gzip -dc "$layer" | sha256sum | cut -c1-64)" "$(jq -r '.rootfs.diff_ids[0]' "$config")"
	mkdir "$BATS_TEST_TMPDIR/files"
	tar -xzf "$layer" -C "$BATS_TEST_TMPDIR/files"
	in_image() {
		chroot "$BATS_TEST_TMPDIR/files" setpriv --reuid=1000 --regid=1000 --clear-groups \
			env -i $(jq -r '.config.Env[]' "$config") "$@"
	}
	is "$(in_image av-validate --version | tr + -)" "av-validate ${TAG#*:}"
	# libpq is there
	run -78 in_image av-ledger init --ledger 'postgresql://127.0.0.1:1/x'
	[[ $output == *refused* ]]
}

@test "Kubernetes: the manifest has only what the API knows" {
	[ -d "$TESTS/soak/kubernetes/node_modules" ] || skip "no kubernetes-models: make engine-deps installs it"
	manifest
	node "$TESTS/soak/kubernetes/check.mjs" <manifest
	# The server needs these two for FailIndex.
	jq -e 'select(.kind == "Job") | .spec | .completionMode == "Indexed" and .template.spec.restartPolicy == "Never"' manifest
	jq -c 'select(.kind == "Job") | .spec.podFailurePolicy.rules[0].action = "Skip" | .spec.parallel = 4
		| del(.spec.template.spec.containers[0].name)' manifest >wrong
	run -1 node "$TESTS/soak/kubernetes/check.mjs" <wrong
	is "$(wc -l <<<"$output")" 3
}

# podman_here: podman keeps its files below the folder of the test, and asks for no cgroup and no higher
# limit, which a guest of another system may not have
podman_here() {
	umount -R /sys/fs/cgroup
	mount -t cgroup2 none /sys/fs/cgroup
	cat >containers.conf <<-END
		[containers]
		cgroups = "disabled"
		netns = "host"
		default_ulimits = ["nofile=$(ulimit -Sn):$(ulimit -Sn)", "nproc=$(ulimit -Su):$(ulimit -Su)"]
	END
	printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "/run/containers"\n' "$PWD/store" >storage.conf
	export CONTAINERS_CONF=$PWD/containers.conf CONTAINERS_STORAGE_CONF=$PWD/storage.conf
	podman load -q <"$TESTS/../build/avtools-image.tar"
	podman run --rm "$TAG" av-upload --version
}

# container PART: the container of a pod
container() {
	local options
	mapfile -d '' -t options < <(jq -sj 'map({key: .kind, value: .}) | from_entries
		| .Job.spec.template.spec as $pod | (.Secret.stringData + .ConfigMap.data) as $env
		| $pod.containers[0] | .securityContext as $security
		| "--user=\($pod.securityContext | "\(.runAsUser):\(.runAsGroup)")",
			"--read-only=\($security.readOnlyRootFilesystem)", "--read-only-tmpfs=false",
			"--cap-drop=\($security.capabilities.drop[])",
			"--security-opt=no-new-privileges=\($security.allowPrivilegeEscalation | not)",
			"--env=\($env | to_entries[] | "\(.key)=\(.value)")",
			"--workdir=\(.workingDir)",
			(.volumeMounts[] | .mountPath + if .name == "work" then "" else ":tmp" end
				| if endswith(":tmp") then "--tmpfs=\(.[:-4]):mode=1777" else "--volume=\(env.PWD)/work:\(.)" end),
			"--entrypoint=\(.command | tojson)", env.TAG, .args[]
		| . + "\u0000"' manifest)
	podman run --rm --replace --name "part$1" --env "JOB_COMPLETION_INDEX=$1" "${options[@]}"
}

kubernetes_pods() {
	local part pids=()
	podman_here
	batch 40 --delay 500 --fault 402@avtr1#25
	add_bad
	shared_ledger 3
	install -d -o 1000 -g 1000 work
	cp -r photos list.txt config work
	manifest
	jq -c '(select(.kind == "Secret") | .stringData) = (env | with_entries(select(.key | startswith("AVTR1_"))))
		| (select(.kind == "ConfigMap") | .data) |= . + {PARTS: "4", AV_PROVIDER: "avtr1", AV_LEDGER: env.AV_LEDGER,
			XDG_CONFIG_HOME: "/work/config"}' manifest >mine
	mv mine manifest
	for part in 2 0 1 3; do
		pod $part >"actions.$part" 2>"err.$part" &
		pids+=($!)
		until [ -s work/done/2.jsonl ]; do sleep 0.05; done
		[ $part -ne 2 ] || podman kill part2
	done
	wait "${pids[@]}" || true
	cat actions.*
	is "$(grep -hE ': (0|65)( |$)' actions.* | paste -sd,)" "0: 65 FailIndex,1: 0,2: 0,3: 0"
	grep -qx '2: 137 Count' actions.2
	cat actions.* | grep -q ': 75 Count'
	all_but_bad work/done/*.jsonl >most
	check_batch 40 most
}

@test "Kubernetes: pods in containers; one is killed in mid-run; 75 is tried again, 65 is not" {
	needs podman crun psql iptables
	# It takes a while to unpack the image.
	AV_SLOW=$((3 * AV_SLOW)) alone kubernetes_pods
}
