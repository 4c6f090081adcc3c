#!/bin/bash
# image.sh ROOT.tar TAG: prints a container image whose files are those of the archive. It can be loaded
# by docker, podman and containerd, since it has both the layout of OCI (index.json) and the manifest of
# `docker save` (manifest.json).
set -euo pipefail
root=$1 tag=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
blobs=$dir/blobs/sha256
mkdir -p "$blobs"

# blob FILE: moves the file among the blobs and prints its digest
blob() {
	local digest
	digest=$(sha256sum "$1")
	digest=${digest%% *}
	mv "$1" "$blobs/$digest"
	echo "$digest"
}

# descriptor DIGEST TYPE: prints what refers to a blob
descriptor() {
	jq -nc --arg digest "$1" --arg type "$2" --argjson size "$(stat -c %s "$blobs/$1")" \
		'{mediaType: "application/vnd.oci.image.\($type)", digest: "sha256:\($digest)", size: $size}'
}

plain=$(sha256sum "$root")
gzip -n <"$root" >"$dir/layer"
layer=$(blob "$dir/layer")
jq -nc --arg diff "sha256:${plain%% *}" --arg arch "$(dpkg --print-architecture)" \
	--arg created "$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%FT%TZ)" '{
		created: $created, architecture: $arch, os: "linux",
		config: {
			User: "1000:1000", WorkingDir: "/work", Volumes: {"/state": {}},
			Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "XDG_STATE_HOME=/state"],
			Cmd: ["av-provider", "list"]
		},
		rootfs: {type: "layers", diff_ids: [$diff]}
	}' >"$dir/config"
config=$(blob "$dir/config")
jq -nc --argjson config "$(descriptor "$config" config.v1+json)" \
	--argjson layer "$(descriptor "$layer" layer.v1.tar+gzip)" '{
		schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
		config: $config, layers: [$layer]
	}' >"$dir/manifest"
manifest=$(blob "$dir/manifest")
jq -nc --argjson manifest "$(descriptor "$manifest" manifest.v1+json)" --arg tag "$tag" '{
		schemaVersion: 2,
		manifests: [$manifest + {annotations: {
			"org.opencontainers.image.ref.name": ($tag | split(":")[1]),
			"io.containerd.image.name": "docker.io/library/\($tag)"}}]
	}' >"$dir/index.json"
jq -nc --arg config "blobs/sha256/$config" --arg layer "blobs/sha256/$layer" --arg tag "$tag" \
	'[{Config: $config, RepoTags: [$tag], Layers: [$layer]}]' >"$dir/manifest.json"
echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
tar -c --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" -C "$dir" \
	blobs index.json manifest.json oci-layout
