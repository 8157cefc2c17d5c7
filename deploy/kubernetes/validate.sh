#!/bin/sh
# Renders trial and production, also with the components that are off by default, and checks every object strictly
# against the schema of its kind, from Kubernetes, the Gateway API or the Prometheus operator.
# Needs kustomize (go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1) and go, which downloads the schemas of the last
# two, on the PATH, and kubernetes-validate==1.37.0 of PyPI, which contains those of Kubernetes.
# Exit status: 0 valid, 1 invalid, 77 a tool is missing and nothing was checked.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
# Use the project's Node instead of the system's.
PATH="$folder/../../node_modules/.bin:$PATH"
for tool in kustomize kubernetes-validate go; do
  command -v "$tool" >/dev/null || { echo "NOT RUN: $tool is not on the PATH" >&2; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp -r "$folder" "$work/kubernetes"
node "$folder/../init.ts" --file "$work/kubernetes/production/secrets.env" >/dev/null
mkdir "$work/kubernetes/all"
sed 's|^  - ../components/ingress.*|  - ../components/httproute|; s|^\(  - ../components/backup\) .*|\1\n\1-s3|; s|secrets.env|../production/secrets.env|; s|^  - ../components/monitoring.*|&\n  - ../components/ranking-parts|' \
  "$work/kubernetes/production/kustomization.yaml" >"$work/kubernetes/all/kustomization.yaml"
for overlay in trial production all; do
  kustomize build --load-restrictor LoadRestrictionsNone "$work/kubernetes/$overlay" >"$work/$overlay.yaml"
done

dir() { go mod download -json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])'; }
gateway=$(dir sigs.k8s.io/gateway-api@v1.3.0)/config/crd/standard
monitoring=$(dir github.com/prometheus-operator/prometheus-operator@v0.83.0)/example/prometheus-operator-crd
KUBERNETES_VERSION=${KUBERNETES_VERSION:-1.34} python3 - "$gateway"/*_httproutes.yaml "$monitoring"/*_servicemonitors.yaml \
  "$monitoring"/*_prometheusrules.yaml "$work/trial.yaml" "$work/production.yaml" "$work/all.yaml" <<'PYTHON'
import os, pathlib, sys, jsonschema, kubernetes_validate, yaml

yaml.SafeLoader.add_constructor('tag:yaml.org,2002:value', lambda loader, node: node.value)
documents = {file: list(yaml.safe_load_all(pathlib.Path(file).read_text())) for file in sys.argv[1:]}


def closed(schema):
    """Refuses fields that are not in the schema, as the API server does with --validate=strict."""
    if isinstance(schema, dict):
        if 'properties' in schema and not schema.get('x-kubernetes-preserve-unknown-fields'):
            schema.setdefault('additionalProperties', False)
        # Patterns are in Go's syntax, which Python does not always understand.
        if isinstance(schema.get('pattern'), str):
            del schema['pattern']
        for part in schema.values():
            closed(part)
    elif isinstance(schema, list):
        for part in schema:
            closed(part)
    return schema


schemas = {}
for file in sys.argv[1:4]:
    for crd in documents[file]:
        spec = crd['spec']
        for version in spec['versions']:
            schema = closed(version['schema']['openAPIV3Schema'])
            schema['properties']['metadata'] = {'type': 'object'}
            schemas[f"{spec['group']}/{version['name']}", spec['names']['kind']] = schema

for file in sys.argv[4:]:
    for one in documents[file]:
        schema = schemas.get((one['apiVersion'], one['kind']))
        try:
            if schema:
                jsonschema.validate(one, schema)
            else:
                kubernetes_validate.validate(one, os.environ['KUBERNETES_VERSION'], strict=True)
        except jsonschema.ValidationError as error:
            path = '.'.join(str(part) for part in error.absolute_path)
            sys.exit(f"{file}: {one['kind']} {one['metadata']['name']}: {path}: {error.message}")
    print(f'{os.path.basename(file)}: {len(documents[file])} objects are valid')
PYTHON
