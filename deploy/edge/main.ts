/** `npm run site`: adds edges at the hub, starts an edge, and monitors and repairs the links between sites. */
import { existsSync, globSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { NatsConnection } from '@nats-io/nats-core';
import { brokerUrl, Connection } from '../../shared/broker/connection.ts';
import { readArguments, refuseArguments, runProgram } from '../../shared/process/command-line.ts';
import { type Config, readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { hub } from '../../shared/process/sites.ts';
import { applyStreams } from '../../streams/all.ts';
import { recover, refreshCopies } from '../../streams/recover.ts';
import { announceRemoved, siteProblems, siteStates } from '../../streams/site-links.ts';
import { composeSteps, writeDeployment } from './deployment.ts';
import { hubAddress, readEdge, writeEdge } from './edge-file.ts';
import { newKey, readRegister, removedOf, sitesHere, writeRegister } from './register.ts';
import { runEdge } from './run-edge.ts';

const usage = `Usage: npm run site -- COMMAND

At the hub:
  add NAME [--hub HOST:PORT] lets an edge connect and prints the command that starts it; for an existing edge: makes a
                             new key. List the addresses of all brokers of a cluster, separated by commas
  remove NAME                refuses further connections of an edge; its data stays
  list                       lists all sites and whether they answer
  write                      in a deployment: writes the broker's configuration again, after an update

At an edge:
  NAME                       starts the edge of that name
       --hub nats-leaf://SEED@HOST:PORT   at the first start: the address printed by the hub; tls://… for a hub with TLS
       --ca FILE                          certificate authority of a hub with TLS

At any site (with NAME for an edge of this folder):
  status [NAME]              shows how far each copy is behind its stream
  recover [NAME]             recovers this site's events from other sites, after its disk was lost or restored`;

const commands = ['add', 'remove', 'write', 'list', 'status', 'recover'];

async function main(): Promise<void> {
  const { values, positionals } = readArguments({
    usage,
    options: { hub: { type: 'string' }, ca: { type: 'string' } },
    positionals: { min: 1, max: 2 },
  });
  const [first = '', second] = positionals;
  const refuse = (reason: string): never => refuseArguments(reason, usage);
  if (!commands.includes(first)) {
    if (second !== undefined) return refuse(`unexpected argument: ${second}`);
    await edge(siteName(first), values);
    return;
  }
  if (values.ca !== undefined || (values.hub !== undefined && first !== 'add'))
    return refuse(`--hub and --ca cannot be used with ${first}`);
  if ((first === 'add' || first === 'remove') && second === undefined) return refuse(`${first}: the site is missing`);
  if ((first === 'list' || first === 'write') && second !== undefined) return refuse(`unexpected argument: ${second}`);
  if (first === 'add') await add(siteName(second as string), values.hub);
  else if (first === 'remove') await remove(second as string);
  else if (first === 'write') write();
  else if (first === 'list') await withBroker(undefined, list);
  else if (first === 'status') await withBroker(second, status);
  else await withBroker(second, recoverSite);
}

/** Checks the name of an edge. @throws Error when it is invalid */
function siteName(name: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name))
    throw new Error(`${name} is not a valid site name: use 1 to 64 letters, digits, _ or -`);
  if (name === hub || commands.includes(name)) throw new Error(`an edge cannot be named ${name}`);
  return name;
}

/** Starts an edge, whose files are in a folder of its name. */
async function edge(name: string, { hub: address, ca }: { hub?: string; ca?: string }): Promise<void> {
  const { dataDir, nats } = readConfig(process.env);
  const folder = join(dataDir, name);
  const known = readEdge(folder);
  if (ca !== undefined && !existsSync(ca)) throw new Error(`--ca ${ca}: no such file`);
  const given = address === undefined ? undefined : hubAddress(address);
  if (given)
    writeEdge(folder, { ...known, sites: known?.sites ?? [hub, name], ...given, ...(ca ? { ca: resolve(ca) } : {}) });
  else if (ca !== undefined) throw new Error('--ca must be used with --hub');
  const now = readEdge(folder);
  if (!now && !nats.url) {
    throw new Error(
      `There is no edge ${name} in ${dataDir}. The hub prints the command for its first start: npm run site -- add ${name}`,
    );
  }
  await runEdge(name, folder, now);
}

async function add(name: string, address: string | undefined): Promise<void> {
  const { dataDir, nats } = readConfig(process.env);
  const register = readRegister(dataDir);
  const known = register[name];
  const { publicKey, seed } = newKey();
  const port = nats.leafListen.split(':').at(-1);
  const target = hubUrl(address ?? `nats-leaf://${hostname()}:${port}`, seed);
  writeRegister(dataDir, { ...register, [name]: { publicKey } });
  if (process.env.DEPLOYMENT) {
    console.log(composeSteps(name, target, writeDeployment(process.env.DEPLOYMENT, readRegister(dataDir))));
  } else {
    console.log(stepsAtHub(name, target, known !== undefined, nats.leafListen));
  }
  if (known?.publicKey === null) await announceRemovedSites();
}

function stepsAtHub(name: string, target: string, isKnown: boolean, listens: string): string {
  return `${isKnown ? `${name} has a new key, and its old key is refused` : `${name} is added`} once the hub restarts.

1. Restart the hub: npm start${isKnown ? '' : `. Restart the other edges, too, so that they copy ${name}`}
2. On the machine of ${name}, run:

npm run site -- ${name} --hub ${target}

The key is printed only here. The hub listens for edges at ${listens} (LEAF_LISTEN).`;
}

/** Returns the URL that an edge connects to, with its key. @throws Error when the address is invalid */
function hubUrl(address: string, seed: string): string {
  const full = address.includes('://') ? address : `nats-leaf://${address}`;
  const withKey = full.replace('://', `://${seed}@`);
  const { hub: urls } = hubAddress(withKey);
  return urls.replaceAll(/,[a-z-]+:\/\//g, ',').replace('://', `://${seed}@`);
}

/** Writes the configuration of a Docker deployment again. @throws Error outside of one */
function write(): void {
  if (!process.env.DEPLOYMENT) throw new Error('write is only for a deployment: docker compose run --rm site write');
  const applyCommand = writeDeployment(process.env.DEPLOYMENT, readRegister(readConfig(process.env).dataDir));
  console.log(`Wrote deploy/nats/sites.conf and .env. Now run: ${applyCommand}`);
}

async function remove(name: string): Promise<void> {
  const { dataDir } = readConfig(process.env);
  const register = readRegister(dataDir);
  if (!register[name]) throw new Error(`there is no site ${name}`);
  writeRegister(dataDir, { ...register, [name]: { publicKey: null } });
  const kept = 'Its data stays, here and at the other edges.';
  if (process.env.DEPLOYMENT) {
    const applyCommand = writeDeployment(process.env.DEPLOYMENT, readRegister(dataDir));
    console.log(`The hub refuses ${name} once you run: ${applyCommand}\n${kept}`);
  } else {
    console.log(`The hub refuses ${name} from its next start on. ${kept}`);
  }
  await announceRemovedSites();
}

/** Tells running sites not to wait for removed ones. If the broker is down, the hub announces it at its next start. */
async function announceRemovedSites(): Promise<void> {
  const removed = removedOf(readRegister(readConfig(process.env).dataDir));
  await withBroker(undefined, (nc) => announceRemoved(nc, removed)).catch(() => {});
}

/** Connects to the broker of the hub, or of an edge in this folder. */
async function withBroker(
  name: string | undefined,
  work: (nc: NatsConnection, config: Config) => Promise<void>,
): Promise<void> {
  const quiet = { LOG_LEVEL: 'silent' };
  const given = readConfig(process.env, quiet);
  const edge = name === undefined || name === hub ? undefined : readEdge(join(given.dataDir, name));
  if (name !== undefined && name !== hub && !edge) throw new Error(`There is no edge ${name} in ${given.dataDir}.`);
  const sites = edge?.sites ?? sitesHere(given);
  const config = readConfig({ ...process.env, ...(name ? { SITE: name } : {}), SITES: sites.join() }, quiet);
  if (sites.length === 1) {
    const edges = globSync(join(given.dataDir, '*/site.json')).map((file) => basename(dirname(file)));
    const hint =
      edges.length > 0
        ? `name the edge, for example npm run site -- status ${edges[0]}`
        : 'npm run site -- add NAME adds one';
    throw new Error(`The hub of this folder has no other sites: ${hint}.`);
  }
  await using connection = new Connection(config, 'site', createLogger('site', 'silent'));
  const { nc } = await connection.within();
  // A broker's JetStream domain is the name of its site; a hub that was started before it had edges has no domain.
  const { domain = hub } = nc.info as { domain?: string };
  if (domain !== config.site) {
    throw new Error(
      `${brokerUrl(config.nats)} is the broker of ${domain}: set NATS_PORT or NATS_URL to the broker of ${config.site}.`,
    );
  }
  await work(nc, config);
}

async function list(nc: NatsConnection, config: Config): Promise<void> {
  const removed = removedOf(readRegister(config.dataDir));
  const { answers } = await siteStates(nc, config);
  for (const site of config.sites) {
    const state = removed.includes(site) ? 'removed' : answers[site] ? 'answers' : 'does not answer';
    console.log(`${site.padEnd(20)} ${site === config.site ? 'this site' : state}`);
  }
}

async function status(nc: NatsConnection, config: Config): Promise<void> {
  const states = await siteStates(nc, config);
  for (const [site, up] of Object.entries(states.answers))
    if (!up) console.log(`${site} does not answer: ${site === hub ? hubAway(config.site) : edgeAway}`);
  if (states.copies.length === 0) {
    if (Object.keys(states.answers).length === 0)
      console.log('No other site may connect: there are no copies to compare.');
    return;
  }
  console.log(
    `${'stream'.padEnd(12)} ${'home'.padEnd(14)} ${'sequence'.padStart(10)}   ${'copy at'.padEnd(14)} ${'sequence'.padStart(10)}   behind`,
  );
  for (const { kind, home, at, homeSequence, copySequence, lost } of states.copies) {
    const behind = lost ? `HAS MORE than ${home}` : (homeSequence ?? 0) - (copySequence ?? 0);
    const cells = [kind.padEnd(12), home.padEnd(14), `${homeSequence ?? '–'}`.padStart(10), ' ', at.padEnd(14)];
    console.log(`${cells.join(' ')} ${`${copySequence ?? '–'}`.padStart(10)}   ${behind}`);
  }
  for (const sentence of siteProblems(states)) console.log(`\n${sentence}`);
}

const edgeAway = 'its link is cut, or it is down. It reconnects by itself.';
const hubAway = (site: string): string =>
  'the link is cut, or the hub is down (it then reconnects by itself); or the hub refuses the key of ' +
  `${site} ("Authorization Violation" in the log of the broker here): then run at the hub: npm run site -- add ${site}`;

async function recoverSite(nc: NatsConnection, config: Config): Promise<void> {
  const say = (line: string): void => console.log(line);
  const { recovered, away } = await recover(nc, config, say);
  await applyStreams(nc, config);
  // A recovered catalogue may lack the announcement of removed sites.
  if (config.site === hub) await announceRemoved(nc, removedOf(readRegister(config.dataDir)));
  await refreshCopies(nc, config, say);
  if (away.length > 0)
    console.log(`${away.join(', ')} did not answer and may have more events: run this again when they answer.`);
  else if (recovered.length === 0) console.log('Nothing to recover: this site has all of its events.');
}

await runProgram(main);
