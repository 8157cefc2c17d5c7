/** Test helpers: real brokers of a hub and its edges, with the permissions of a deployment. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import type { Config } from '../../shared/process/config.ts';
import { hub, type Sites } from '../../shared/process/sites.ts';
import { applyStreams } from '../../streams/all.ts';
import { streamAt } from '../../streams/site-api.ts';
import { completeConfig, streamsAt } from '../../streams/sites.ts';
import { freePort } from '../../tests/chaos/member.ts';
import { TcpProxy } from '../../tests/chaos/proxy.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { until } from '../../tests/until.ts';
import { type Broker, startBroker } from '../broker.ts';
import { edgeLines, hubLines, seedVariable } from './broker-lines.ts';
import { newKey, type Register } from './register.ts';

export interface TestSite extends Sites {
  broker: Broker;
  nc: NatsConnection;
  /** Proxy on its link to the hub; the hub has none. */
  link: TcpProxy | undefined;
  /** Configuration for `applyStreams`. */
  config: Pick<Config, 'site' | 'sites' | 'streamReplicas'>;
}

export interface TestSites extends AsyncDisposable {
  /** Port of the hub for edges. */
  leafPort: number;
  at(site: string): TestSite;
  /** Returns the folder of a broker's files. */
  filesOf(site: string): string;
  /** Kills and restarts a site's broker without applying streams. `wipe` drops its files, `files` replaces them. */
  restart(site: string, options?: { wipe?: boolean; files?: string }): Promise<TestSite>;
}

/** Creates an edge's streams and waits for its link. A broker looks for a missing stream only every 10 s. */
export async function begin({ nc, config }: Pick<TestSite, 'nc' | 'config'>): Promise<void> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const own = streamsAt(config).filter(({ mirror }) => !mirror);
  for (const stream of own) await jsm.streams.add(completeConfig(stream, config));
  await until(() => streamAt(nc, config, hub, 'VOTES').then(() => true), `the link of ${config.site}`);
}

/** Starts brokers and applies their streams. */
export async function startSites(edges: string[]): Promise<TestSites> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder());
  const sites = [hub, ...edges];
  const keys = new Map(edges.map((edge) => [edge, newKey()]));
  const register: Register = Object.fromEntries([...keys].map(([edge, { publicKey }]) => [edge, { publicKey }]));
  const leafPort = await freePort();
  const running = new Map<string, TestSite>();

  const generations = new Map<string, number>();
  const generationOf = (site: string): number => generations.get(site) ?? 1;
  const filesOf = (site: string): string => join(folder.path, `${site}-${generationOf(site)}`);

  const start = async (site: string): Promise<TestSite> => {
    const link = site === hub ? undefined : (running.get(site)?.link ?? stack.use(await TcpProxy.listen(leafPort)));
    const broker = await startBroker({
      port: 0,
      storeDir: filesOf(site),
      domain: site,
      configuration: link
        ? edgeLines({ hub: `nats-leaf://127.0.0.1:${link.port}` })
        : hubLines(register, `127.0.0.1:${leafPort}`),
      variables: { [seedVariable]: keys.get(site)?.seed ?? '' },
    });
    const nc = await connect({ servers: broker.url });
    const started = { site, sites, broker, nc, link, config: { site, sites, streamReplicas: 1 } };
    running.set(site, started);
    return started;
  };
  stack.defer(async () => {
    for (const { nc, broker } of running.values()) {
      await nc.close();
      await broker.kill();
    }
  });
  for (const site of sites) await start(site);
  for (const edge of edges) await begin(running.get(edge) as TestSite);
  for (const site of running.values()) await applyStreams(site.nc, site.config);
  const owned = stack.move();
  return {
    leafPort,
    at: (site) => running.get(site) as TestSite,
    filesOf,
    async restart(site, { wipe = false, files } = {}) {
      const { nc, broker } = running.get(site) as TestSite;
      await nc.close();
      await broker.kill();
      if (wipe || files) generations.set(site, generationOf(site) + 1);
      if (files) cpSync(files, filesOf(site), { recursive: true });
      return start(site);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
