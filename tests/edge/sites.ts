/** A hub and two edges for tests, each with a broker, linked as in a deployment, and a system for its services. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSites as startBrokers } from '../../deploy/edge/testing.ts';
import type { TcpProxy } from '../chaos/proxy.ts';
import { temporaryFolder } from '../folder.ts';
import { System } from '../harness.ts';
import { sharedBroker } from '../shared-broker.ts';

export const siteNames = ['hub', 'edge1', 'edge2'] as const;
export type SiteName = (typeof siteNames)[number];

export interface ThreeSites extends AsyncDisposable, Record<SiteName, System> {
  /** Proxies on the links of the edges to the hub, which can cut, drop or delay traffic. */
  links: Record<Exclude<SiteName, 'hub'>, TcpProxy>;
}

/** Starts three brokers with their streams, and waits for their links. */
export async function startSites(): Promise<ThreeSites> {
  await using stack = new AsyncDisposableStack();
  const brokers = stack.use(await startBrokers(siteNames.slice(1)));
  const systems = siteNames.map((name): [SiteName, System] => {
    const { broker } = brokers.at(name);
    const env = { SITE: name, SITES: siteNames.join() };
    const logFile = join(sharedBroker()?.folder ?? tmpdir(), `marquee-test-${broker.pid}.log`);
    return [name, stack.use(new System(temporaryFolder(), { url: broker.url, env, logFile }))];
  });
  for (const [, { connection }] of systems) await connection.first;
  const all = stack.move();
  return {
    ...(Object.fromEntries(systems) as Record<SiteName, System>),
    links: { edge1: brokers.at('edge1').link as TcpProxy, edge2: brokers.at('edge2').link as TcpProxy },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
