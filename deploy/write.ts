/**
 * `npm run deploy:write`: generates the deployment files that mention every service: users of the broker, Kubernetes
 * manifests, Prometheus targets, and the compose file with all services in one container.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Service, serviceNamed, services } from '../services/index.ts';
import { readArguments } from '../shared/process/command-line.ts';
import { keyVariable } from './nats/user-names.ts';
import { accountConfiguration, usersConfiguration, usersFile } from './nats/users.ts';

const here = (path: string): string => join(import.meta.dirname, path);
const written = '# Written by `npm run deploy:write` from services/index.ts; changes here are lost.\n';

/** Number of partitions of ranking in the ranking-parts component. */
const parts = 4;

/** Returns the generated files, by path. */
export async function deploymentFiles(): Promise<Record<string, string>> {
  return {
    [usersFile]: await usersConfiguration(),
    [here('kubernetes/base/services.yaml')]: written + services.map(manifests).join('---\n'),
    [here('kubernetes/components/monitoring/rules.yaml')]: written + prometheusRule(),
    [here('kubernetes/components/ranking-parts/ranking.yaml')]: written + ['a', 'b'].map(rankingParts).join('---\n'),
    [here('kubernetes/nats/account.conf')]: await accountConfiguration(),
    [here('small/compose.yml')]: written + oneContainer(),
    [here('watch/services.yml')]: `${written}scrape_configs:\n${services.map(scrape).join('')}`,
  };
}

function manifests({ name, port }: Service): string {
  const key = keyVariable(name);
  const own: Record<string, string> = { $NAME: name, $PORT: `${port}`, $KEY: key, $OWN: key.slice('NKEY_'.length) };
  const template = readFileSync(here('kubernetes/base/service.template.yaml'), 'utf8').replace(/^#.*\n/, '');
  return template.replace(/\$(NAME|PORT|KEY|OWN)(?![A-Z])/g, (placeholder) => own[placeholder] as string);
}

/**
 * Returns a StatefulSet with one replica of each partition of ranking: the index of the pod is that of the partition.
 * Pods start in parallel, because each waits for the others.
 */
function rankingParts(copy: string): string {
  const set =
    `  serviceName: ranking\n  podManagementPolicy: Parallel\n  replicas: ${parts}\n` +
    `  selector: { matchLabels: { app.kubernetes.io/name: ranking, marquee/copy: ${copy} } }\n`;
  const index = 'fieldRef: { fieldPath: "metadata.labels[\'apps.kubernetes.io/pod-index\']" }';
  const environment =
    `            - { name: RANKING_PARTITIONS, value: "${parts}" }\n` +
    `            - name: RANKING_PARTITION\n              valueFrom: { ${index} }\n`;
  const [deployment = ''] = manifests(serviceNamed('ranking')).split('---\n');
  return deployment
    .replace('kind: Deployment\nmetadata: { name: ranking }', `kind: StatefulSet\nmetadata: { name: ranking-${copy} }`)
    .replace(/ {2}# A new replica is ready.*\n.*\n.*\n/, set)
    .replace(
      'labels: { app.kubernetes.io/name: ranking,',
      `labels: { app.kubernetes.io/name: ranking, marquee/copy: ${copy},`,
    )
    .replace('          env:\n', `          env:\n${environment}`);
}

/** Returns the alerts of watch/alerts.yml as a resource for the Prometheus operator. */
function prometheusRule(): string {
  const head = 'apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: { name: marquee }\nspec:\n';
  return head + readFileSync(here('watch/alerts.yml'), 'utf8').replace(/^(?=.)/gm, '  ');
}

/** Returns the compose file whose gateway container runs all services, with the broker keys of all. */
function oneContainer(): string {
  const names = services.map(({ name }) => name);
  const others = names.filter((name) => name !== 'gateway');
  const key = (name: string): string => `      ${keyVariable(name)}_SEED: \${${keyVariable(name)}_SEED:-}\n`;
  return readFileSync(here('small/compose.template.yml'), 'utf8')
    .replace('  $OTHERS: {}\n', others.map((name) => `  ${name}: { profiles: [apart] }\n`).join(''))
    .replace('      $KEYS: ""\n', names.map(key).join(''))
    .replace('$NAMES', others.join(', '));
}

/** DNS resolves a service's name to all of its replicas. The gateway serves metrics on a port that is not public. */
function scrape({ name, port: own }: Service): string {
  const [port, names] = name === 'gateway' ? [9080, 'gateway, gateway-2'] : [own, name];
  const discovery = `{ names: [${names}], type: A, port: ${port}, refresh_interval: 10s }`;
  return `  - job_name: ${name}\n    dns_sd_configs: [${discovery}]\n`;
}

if (import.meta.main) {
  readArguments({
    usage: 'Usage: npm run deploy:write\n\nGenerates the deployment files that mention every service.',
  });
  for (const [file, text] of Object.entries(await deploymentFiles())) {
    writeFileSync(file, text);
    console.log(`written: ${file}`);
  }
}
