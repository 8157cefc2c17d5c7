#!/bin/sh
# Renders trial and production, also with the components that are not on by default, and checks every object against the
# schema of its kind, unknown fields included: those of Kubernetes, of the Gateway API and of the Prometheus operator.
# Needs on the PATH: kustomize (go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1), kubeconform
# (go install github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0), go for the other two schemas, and of PyPI
# kubernetes-validate==1.37.0, which carries the schemas of Kubernetes and brings the YAML reader.
# Exit status: 0 valid, 1 not, 77 a tool is missing and nothing was checked.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
# The Node of the project, and not an older one of the system.
PATH="$folder/../../node_modules/.bin:$PATH"
for tool in kustomize kubeconform kubernetes-validate go; do
  command -v "$tool" >/dev/null || { echo "NOT RUN: $tool is not on the PATH" >&2; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

version=${KUBERNETES_VERSION:-1.34}
core=$(python3 -c "
import pathlib, kubernetes_validate
all = pathlib.Path(kubernetes_validate.__file__).parent.glob('kubernetes-json-schema/v$version*-local-strict')
print(next(all))")
dir() { go mod download -json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])'; }
gateway=$(dir sigs.k8s.io/gateway-api@v1.3.0)/config/crd/standard
monitoring=$(dir github.com/prometheus-operator/prometheus-operator@v0.83.0)/example/prometheus-operator-crd
python3 - "$work" "$gateway" "$monitoring" <<'PYTHON'
import json, pathlib, sys, yaml

def closed(schema):
    """As the API server does with --validate=strict: a field that is not in the schema is refused."""
    if isinstance(schema, dict):
        if 'properties' in schema and 'additionalProperties' not in schema and not schema.get('x-kubernetes-preserve-unknown-fields'):
            schema['additionalProperties'] = False
        for part in schema.values(): closed(part)
    elif isinstance(schema, list):
        for part in schema: closed(part)
    return schema

work, *folders = map(pathlib.Path, sys.argv[1:])
for file in (file for folder in folders for file in folder.glob('*.yaml')):
    for crd in yaml.safe_load_all(file.read_text()):
        if not crd or crd.get('kind') != 'CustomResourceDefinition': continue
        for version in crd['spec']['versions']:
            schema = version['schema']['openAPIV3Schema']
            schema['properties']['metadata'] = {'type': 'object', 'additionalProperties': True}
            name = f"{crd['spec']['names']['kind'].lower()}-{version['name']}.json"
            (work / name).write_text(json.dumps(closed(schema)))
PYTHON

cp -r "$folder" "$work/kubernetes"
node "$folder/../init.ts" --file "$work/kubernetes/production/secrets.env" >/dev/null
mkdir "$work/kubernetes/all"
sed 's|^  - ../components/ingress.*|  - ../components/httproute|; s|^\(  - ../components/backup\) .*|\1\n\1-s3|; s|secrets.env|../production/secrets.env|' \
  "$work/kubernetes/production/kustomization.yaml" >"$work/kubernetes/all/kustomization.yaml"
for overlay in trial production all; do
  kustomize build --load-restrictor LoadRestrictionsNone "$work/kubernetes/$overlay" >"$work/$overlay.yaml"
  printf '%s: ' "$overlay"
  kubeconform -strict -summary -kubernetes-version "$version.0" -schema-location "$core/{{.ResourceKind}}{{.KindSuffix}}.json" \
    -schema-location "$work/{{.ResourceKind}}-{{.ResourceAPIVersion}}.json" "$work/$overlay.yaml"
done
