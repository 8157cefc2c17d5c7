#!/bin/sh
# Renders the manifests and checks every one against the schema of its kind, unknown fields included.
# Needs kustomize (go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1) and kubernetes-validate (a package of PyPI
# that carries the official schemas). Exit status: 0 valid, 1 not, 77 a tool is missing and nothing was checked.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
# The Node of the project, and not an older one of the system.
PATH="$folder/../../node_modules/.bin:$PATH"
for tool in kustomize kubernetes-validate; do
  command -v "$tool" >/dev/null || { echo "NOT RUN: $tool is not on the PATH" >&2; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$folder"/*.yaml "$work"
rm "$work/service.template.yaml"
# Names of the secrets are what counts here; the values are made when a deployment is.
node "$folder/../init.ts" --file "$work/secrets.env" >/dev/null
kustomize build "$work" >"$work/all.yaml"
kubernetes-validate --kubernetes-version "${KUBERNETES_VERSION:-1.34}" --strict "$work/all.yaml"
echo "$(grep -c '^kind:' "$work/all.yaml") objects are valid for Kubernetes ${KUBERNETES_VERSION:-1.34}"
