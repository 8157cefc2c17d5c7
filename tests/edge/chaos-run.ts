/** Causes faults in the links, brokers and services of three sites under load, then runs the checks of tests/chaos. */
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { siteStates } from '../../streams/site-links.ts';
import { streamsAt } from '../../streams/sites.ts';
import { type Checked, checkAll } from '../chaos/check.ts';
import { send } from '../chaos/client.ts';
import { type Actor, type Answering, type Entrances, Ledger } from '../chaos/ledger.ts';
import { Library, remindersMs } from '../chaos/library.ts';
import { Likes, likedMovies } from '../chaos/likes.ts';
import { Movies } from '../chaos/movies.ts';
import { Queries } from '../chaos/queries.ts';
import { Random } from '../chaos/random.ts';
import { Tickets } from '../chaos/tickets.ts';
import { EdgeSystem, type Site } from './system.ts';

export const edges = ['edge1', 'edge2'];
const names = ['hub', ...edges];
const linkFaults = ['cut', 'hole', 'slow'] as const;
const siteFaults = ['kill', 'stop', 'pause', 'killBroker'] as const;
type FaultKind = (typeof linkFaults)[number] | (typeof siteFaults)[number];

export interface EdgeFault {
  kind: FaultKind;
  site: string;
  /** Duration in milliseconds. */
  forMs: number;
}

/** Longest time until sites agree after a link is restored, and after a process is restarted. */
const linkLimitMs = 10_000;
const siteLimitMs = 60_000;
const settleLimitMs = 90_000;

/** Plans the faults of a run from its seed, one after the other: every kind occurs once before any is repeated. */
export function planFaults(seed: number, lengthMs: number): EdgeFault[] {
  const random = new Random(seed);
  const faults: EdgeFault[] = [];
  let deck: FaultKind[] = [];
  for (let at = 0; at < lengthMs; ) {
    if (deck.length === 0) deck = random.shuffle([...linkFaults, ...siteFaults]);
    const kind = deck.pop() as FaultKind;
    const onLink = (linkFaults as readonly string[]).includes(kind);
    const forMs = random.between(1000, Math.max(4000, onLink ? lengthMs / 6 : 6000));
    faults.push({ kind, site: random.pick(onLink ? edges : names), forMs });
    at += forMs + 3000;
  }
  return faults;
}

export interface EdgeRun {
  seed: number;
  faults: EdgeFault[];
  ledger: Ledger;
  recoveries: { fault: string; ms: number }[];
  settledMs: number;
  skipped: string[];
}

interface RunOptions {
  seed: number;
  lengthMs: number;
  say?: (line: string) => void;
}

/** Runs chaos and records findings in the ledger. */
export async function runEdgeChaos({ seed, lengthMs, say = () => {} }: RunOptions): Promise<EdgeRun> {
  const random = new Random(seed ^ 0x5eed);
  const ledger = new Ledger();
  const recoveries: EdgeRun['recoveries'] = [];
  await using system = await EdgeSystem.start({ edges, env: { SEED_CSV: 'none', CHECKPOINT_PAGES: '20' } });
  await addMovies(system);
  say('three sites are running');
  const actors = names.flatMap((name, index) => actorsAt(entrancesOf(system.at(name)), index + 1, ledger, random));
  // A viewer who moves between sites, whose last vote must win.
  const mover = new Likes({ system: anySite(system, random.fork()), ledger, random: random.fork(), worker: 50 });
  const everyone = [...actors.map((actor) => [actor]), [mover]];
  const running = { stopped: false };
  const working = everyone.map((own) => work(own, running, random.fork()));

  const faults = planFaults(seed, lengthMs);
  for (const fault of faults) {
    ledger.count('faults', fault.kind);
    say(`${fault.kind} ${fault.site} for ${(fault.forMs / 1000).toFixed(1)} s`);
    await happen(system.at(fault.site), fault);
    const ms = await seenEverywhere(system, fault.site, siteLimitMs);
    recoveries.push({ fault: `${fault.kind} ${fault.site}`, ms });
    const limit = fault.kind in { cut: 1, hole: 1, slow: 1 } ? linkLimitMs : siteLimitMs;
    if (ms > limit)
      ledger.found(`${fault.kind} ${fault.site}: a like was seen everywhere ${Math.round(ms)} ms after its end`);
    await sleep(random.between(300, 1500));
  }
  const endedAt = performance.now();
  running.stopped = true;
  await Promise.all(working);
  say(`${faults.length} faults ended, ${ledger.total('acknowledged')} writes were acknowledged`);
  let settledMs = Number.POSITIVE_INFINITY;
  try {
    await settled(system);
    settledMs = performance.now() - endedAt;
    await sleep(Math.max(0, endedAt + remindersMs - performance.now()));
    await settled(system);
    const all = [...actors, mover];
    await checkAll({ system: checkedOf(system), actors: all, ledger });
    say('checks done; repeating them after the loss of the disk of edge2 and a restart of the hub');
    const [hub, lost] = [system.at('hub'), system.at('edge2')];
    await Promise.all([hub.stop(), lost.stop()]);
    lost.wipe();
    await hub.start();
    await lost.start();
    await settled(system);
    await checkAll({ system: checkedOf(system), actors: all, ledger });
  } catch (error) {
    ledger.found(`the checks could not be made: ${(error as Error).message}`);
  }
  return { seed, faults, ledger, recoveries, settledMs, skipped: [] };
}

async function addMovies(system: EdgeSystem): Promise<void> {
  for (const movieId of likedMovies) {
    const body = { movieId, title: `Classic ${movieId}`, genres: ['Drama'], rating: 5, votes: movieId };
    const { outcome } = await send('POST', `${system.at('hub').url}/movies`, { body });
    if (outcome !== 'acknowledged') throw new Error(`movie ${movieId} cannot be added`);
  }
  await settled(system);
}

function entrancesOf(site: Site): Entrances {
  const at = (service: string): Answering => ({ name: site.name, url: site.urls[service] as string });
  return { site: site.name, gateway: at('gateway'), replicas: (service) => [at(service)] };
}

function anySite(system: EdgeSystem, random: Random): Entrances {
  return {
    site: 'any',
    get gateway() {
      return entrancesOf(random.pick(system.all)).gateway;
    },
    replicas: (service) => system.all.flatMap((site) => entrancesOf(site).replicas(service)),
  };
}

function actorsAt(system: Entrances, worker: number, ledger: Ledger, random: Random): Actor[] {
  const desk = () => ({ system, ledger, random: random.fork(), worker });
  return [new Likes(desk()), new Library(desk()), new Tickets(desk()), new Movies(desk()), new Queries(desk())];
}

async function work(actors: Actor[], running: { stopped: boolean }, random: Random): Promise<void> {
  while (!running.stopped) {
    await random.pick(actors).step();
    await sleep(random.between(20, 120));
  }
}

async function happen(site: Site, { kind, forMs }: EdgeFault): Promise<void> {
  switch (kind) {
    case 'cut':
      site.link?.cut();
      await sleep(forMs);
      return site.link?.resume();
    case 'hole':
      site.link?.swallow();
      await sleep(forMs);
      return site.link?.resume();
    case 'slow':
      site.link?.slow(200);
      await sleep(forMs);
      return site.link?.resume();
    case 'kill':
      await site.kill();
      await sleep(forMs);
      return site.start();
    case 'stop':
      await site.stop();
      await sleep(forMs);
      return site.start();
    case 'pause':
      await site.signal('SIGSTOP');
      await sleep(forMs);
      return site.signal('SIGCONT');
    case 'killBroker':
      site.killBroker();
      return sleep(forMs);
    default:
      return kind satisfies never;
  }
}

/** Likes a film at a site until one is acknowledged. @returns milliseconds until every site shows it */
async function seenEverywhere(system: EdgeSystem, at: string, limitMs: number): Promise<number> {
  const since = performance.now();
  const voterId = `probe-${at}-${Math.round(since)}`;
  const movieId = likedMovies[0];
  const within = (): boolean => performance.now() - since < limitMs;
  const path = `/votes/${movieId}/like`;
  while (within()) {
    const { outcome } = await send('POST', `${system.at(at).url}${path}`, { body: { voterId } });
    if (outcome === 'acknowledged') break;
    await sleep(100);
  }
  for (const { url } of system.all) {
    const shown = async () =>
      (await send<{ liked: boolean }>('GET', `${url}/votes/${movieId}?voterId=${voterId}`)).body.liked;
    while (within() && !(await shown())) await sleep(50);
  }
  const ms = performance.now() - since;
  // This vote is not part of the ledger.
  while (
    within() &&
    (await send('DELETE', `${system.at(at).url}${path}?voterId=${voterId}`)).outcome !== 'acknowledged'
  )
    await sleep(100);
  return ms;
}

/** Waits until every copy has caught up with its home, and every view with the streams of its site. */
async function settled(system: EdgeSystem): Promise<void> {
  const deadline = performance.now() + settleLimitMs;
  let before = '';
  for (let same = 0; same < 8; ) {
    const found = await Promise.all(system.all.map(stateOf)).catch((error: Error) => [error.message]);
    const missing = found.filter((state): state is string => typeof state === 'string');
    const now = missing.length > 0 ? '' : JSON.stringify(found);
    same = now !== '' && now === before ? same + 1 : 0;
    before = now;
    if (performance.now() > deadline) throw new Error(`the sites do not come to rest: ${missing.join(', ') || before}`);
    await sleep(100);
  }
}

/** Returns the last sequences of all streams at a site, or what is still missing there. */
async function stateOf({ name, nats, urls }: Site): Promise<string | Record<string, number>> {
  const sites = { site: name, sites: names };
  const nc = await connect({ servers: nats });
  try {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    const streams = streamsAt(sites).map(({ name: stream }) => stream);
    const infos = await Promise.all(streams.map((stream) => jsm.streams.info(stream)));
    const ends = Object.fromEntries(infos.map(({ config, state }) => [config.name, state.last_seq]));
    const { answers, copies } = await siteStates(nc, sites);
    const away = Object.entries(answers).find(([, up]) => !up);
    if (away) return `${name} gets no answer from ${away[0]}`;
    const behind = copies.find(({ homeSequence, copySequence, outdated }) => homeSequence !== copySequence || outdated);
    if (behind)
      return `${behind.kind} of ${behind.home} at ${behind.at}: ${behind.copySequence} of ${behind.homeSequence}`;
    for (const [service, url] of Object.entries(urls)) {
      const { status, body } = await send<{ streams: { stream: string; sequence: number }[] }>('GET', `${url}/readyz`);
      const late = body.streams?.find(({ stream, sequence }) => sequence < (ends[stream] ?? 0));
      if (status !== 200 || late)
        return `${service} of ${name} ${late ? `at ${late.sequence} of ${late.stream}` : 'is not ready'}`;
    }
    return ends;
  } finally {
    await nc.close();
  }
}

function checkedOf(system: EdgeSystem): Checked {
  return {
    replicas: (service) => system.all.flatMap((site) => entrancesOf(site).replicas(service)),
    /** Counts messages of all sites together, which have different subjects. */
    async subjects(stream) {
      const found: Record<string, number> = {};
      for (const { nats } of system.all) {
        const nc = await connect({ servers: nats });
        const jsm = await jetstreamManager(nc, { checkAPI: false });
        const info = await jsm.streams.info(stream, { subjects_filter: '>' }).catch(() => undefined);
        Object.assign(found, info?.state.subjects);
        await nc.close();
      }
      return found;
    },
  };
}
