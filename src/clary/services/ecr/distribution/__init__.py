"""The OCI distribution API: how docker, podman, buildah and skopeo push and pull.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""
