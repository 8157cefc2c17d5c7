/**
 * A hub and two edges for tests: a broker each, joined by leaf nodes through a proxy that can cut each link, swallow what it
 * carries, or delay it.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '../../deploy/broker.ts';
import { applyStreams } from '../../streams/apply.ts';
import { TcpProxy } from '../chaos/proxy.ts';
import { temporaryFolder } from '../folder.ts';
import { System } from '../harness.ts';

export const siteNames = ['hub', 'edge1', 'edge2'] as const;
export type SiteName = (typeof siteNames)[number];
type EdgeName = Exclude<SiteName, 'hub'>;

/** Three sites, each a system of its own: services started in one have its broker, and are of its site. */
export interface ThreeSites extends AsyncDisposable, Record<SiteName, System> {
  /** The links of the edges to the hub. */
  links: Record<EdgeName, TcpProxy>;
}

/** Starts three brokers with their streams. Their links are up. */
export async function startSites(): Promise<ThreeSites> {
  await using stack = new AsyncDisposableStack();
  const leafPort = await freePort();
  const hub = await startSite('hub', hubConfiguration(leafPort), stack);
  const join = async (name: EdgeName): Promise<[System, TcpProxy]> => {
    const link = stack.use(await TcpProxy.listen(leafPort));
    return [await startSite(name, edgeConfiguration(name, link.port), stack), link];
  };
  const [[edge1, link1], [edge2, link2]] = await Promise.all([join('edge1'), join('edge2')]);
  const all = stack.move();
  const links = { edge1: link1, edge2: link2 };
  return { hub, edge1, edge2, links, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function startSite(name: SiteName, configuration: string, stack: AsyncDisposableStack): Promise<System> {
  const folder = temporaryFolder();
  const broker = await startBroker({ port: 0, storeDir: join(folder.path, 'nats'), domain: name, configuration });
  const env = { SITE: name, SITES: siteNames.join(), NATS_USER: 'site', NATS_PASSWORD: 'site' };
  const logFile = join(tmpdir(), `marquee-test-${broker.pid}.log`);
  const system = stack.use(new System(folder, { url: broker.url, env, logFile, broker }));
  await applyStreams((await system.connection.within(20_000)).nc, system.config());
  return system;
}

const own = '{ user: site, password: site }';

/** A TCP port that nobody listens on, below those that the system gives to connections. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer().listen(port, '127.0.0.1');
    const [outcome] = await Promise.race([once(server, 'listening').then(() => ['free']), once(server, 'error')]);
    server.close();
    if (outcome === 'free') return port;
  }
}

function hubConfiguration(leafPort: number): string {
  const leafs = siteNames.flatMap((name) => (name === 'hub' ? [] : [leafUser(name)]));
  return [
    `leafnodes { listen: "127.0.0.1:${leafPort}", no_advertise: true }`,
    `accounts { MARQUEE { jetstream: enabled, users: [ ${[own, ...leafs].join(', ')} ] } }`,
  ].join('\n');
}

function edgeConfiguration(name: EdgeName, linkPort: number): string {
  const url = `nats-leaf://${name}:${name}@127.0.0.1:${linkPort}`;
  return [
    `leafnodes { reconnect: 1s, remotes: [ { url: "${url}", account: MARQUEE, ignore_discovered_servers: true } ] }`,
    `accounts { MARQUEE { jetstream: enabled, users: [ ${own} ] } }`,
  ].join('\n');
}

/** What an edge may say to the hub, and hear from it. */
function leafUser(name: EdgeName): string {
  const api = (site: string): string => `"$JS.${site}.API.CONSUMER.CREATE.>"`;
  const both = '"$JS.FC.>", "$JSC.R.>"';
  const publish = `publish: { allow: [ ${api('hub')}, "to.hub.${name}.>", ${both} ] }`;
  const subscribe = `subscribe: { allow: [ ${api(name)}, "to.${name}.>", ${both} ] }`;
  const permissions = `permissions: { ${publish}, ${subscribe} }`;
  return `{ user: ${name}, password: ${name}, allowed_connection_types: [ "LEAFNODE" ], ${permissions} }`;
}
