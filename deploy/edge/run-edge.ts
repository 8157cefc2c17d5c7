/** Runs an edge: its broker (unless NATS_URL names one), its streams, and all services in this process. */
import { join } from 'node:path';
import { openedAt, startServices } from '../../services/start.ts';
import { brokerUrl, Connection } from '../../shared/broker/connection.ts';
import { type Config, readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { stopSignal } from '../../shared/process/signals.ts';
import { hub } from '../../shared/process/sites.ts';
import { watchForTwin } from '../../streams/twins.ts';
import { type KeptBroker, keepBroker } from '../kept-broker.ts';
import { edgeLines, seedVariable } from './broker-lines.ts';
import { type EdgeFile, writeEdge } from './edge-file.ts';
import { followSites, openSite, sitesKnown } from './open-site.ts';

const say = (line: string): void => console.log(line);

/**
 * Runs an edge until the process receives a signal.
 * @param folder folder of all its files
 * @param edge its settings; undefined when NATS_URL names a broker that already has the link
 */
export async function runEdge(name: string, folder: string, edge: EdgeFile | undefined): Promise<void> {
  const startedAt = performance.now();
  const stopped = stopSignal();
  const { signal, abort } = abortedBy(stopped);
  await using stack = new AsyncDisposableStack();
  const given = configOf(name, folder, edge?.sites);
  const broker = edge && !given.nats.url ? stack.use(await brokerOf(name, folder, edge, given)) : undefined;
  broker?.lost.catch(abort);
  const unlessEnded = <T>(promise: Promise<T>): Promise<T> => Promise.race([promise, signal]);
  const url = broker?.url ?? brokerUrl(given.nats);
  try {
    const config = { ...given, nats: { ...given.nats, url } };
    const connection = stack.use(new Connection(config, 'site', createLogger('site', config.logLevel)));
    const { nc } = await unlessEnded(Promise.race([connection.first, connection.refusals.first]));
    const twins = stack.use(watchForTwin(nc, name));
    twins.found.catch(abort);
    config.sites = await unlessEnded(sitesKnown(nc, name, config.sites));
    if (edge) writeEdge(folder, { ...edge, sites: config.sites });
    await unlessEnded(openSite(nc, config, { say }));
    stack.use(followSites(nc, config, say));
    const running = stack.use(await startServices(config, []));
    await unlessEnded(running.ready);
    say(greeting(config, reachable(config, running.services, url), Math.round(performance.now() - startedAt)));
    await signal;
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    say('Stopping …');
  }
}

function configOf(name: string, folder: string, sites: string[] | undefined): Config {
  const known = sites?.includes(name) ? sites : [hub, name];
  const own = { SITE: name, SITES: process.env.SITES || known.join(), DATA_DIR: folder };
  return readConfig({ ...process.env, ...own }, { LOG_LEVEL: 'warn' });
}

function brokerOf(name: string, folder: string, edge: EdgeFile, { nats }: Config): Promise<KeptBroker> {
  return keepBroker({
    port: nats.port,
    storeDir: join(folder, 'nats'),
    domain: name,
    configuration: edgeLines(edge),
    variables: { [seedVariable]: edge.seed },
    log: say,
  });
}

class Stopped extends Error {}

/** Returns a promise that rejects when the process is stopped or `abort` is called. */
function abortedBy(stopped: Promise<unknown>): { signal: Promise<never>; abort(reason: unknown): void } {
  const { promise: signal, reject: abort } = Promise.withResolvers<never>();
  signal.catch(() => {});
  void stopped.then(() => abort(new Stopped()));
  return { signal, abort };
}

/** Returns the services' names and addresses. A container is only reachable at the gateway's published address. */
export function reachable(
  { publishedHost = '127.0.0.1', publishedPort }: Pick<Config, 'publishedHost' | 'publishedPort'>,
  services: { name: string; url: string }[],
  nats: string,
): [name: string, url: string][] {
  if (publishedPort === undefined)
    return [...services.map(({ name, url }) => [name, url] as [string, string]), ['broker', nats]];
  return [['gateway', openedAt(`http://${publishedHost}:${publishedPort}`)]];
}

function greeting({ site }: Config, addresses: [name: string, url: string][], milliseconds: number): string {
  const entrance = Object.fromEntries(addresses).gateway;
  return [
    '',
    `The edge ${site} is running:`,
    ...addresses.map(([name, url]) => `  ${name.padEnd(18)} ${url}`),
    '',
    `Open ${entrance}/ in a browser, or try:`,
    `  curl '${entrance}/movies/1'`,
    `(ready after ${milliseconds} ms) Ctrl-C stops the edge and keeps its data.`,
  ].join('\n');
}
