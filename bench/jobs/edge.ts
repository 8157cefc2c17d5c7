/** An edge: the cost of a like, the time until sites agree after an outage, and memory and disk for votes. */
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { send } from '../../tests/chaos/client.ts';
import { EdgeSystem, type Site } from '../../tests/edge/system.ts';
import { atMost, type Context, type Job, type Outcome } from '../lib/job.ts';
import { compare } from '../lib/load.ts';
import { folderMb, memoryMb } from '../lib/process.ts';
import { round } from '../lib/stats.ts';
import { loadTable, resultOf } from '../lib/tables.ts';

const movies = 478;
const connections = 64;
const request = [
  'local body = string.format(\'{"voterId":"viewer-%d"}\', random(1, 1000000))',
  `return wrk.format("POST", "/votes/" .. random(1, ${movies}) .. "/like", {["content-type"] = "application/json"}, body)`,
].join('\n  ');

/** Environment that `npm run site` and the compose file of an edge set. */
const asOperatorsRun = {
  NODE_OPTIONS: '--max-semi-space-size=8 --max-old-space-size=256',
  MALLOC_ARENA_MAX: '2',
};

export const edge: Job = {
  name: 'edge',
  title: 'An edge beside its hub',
  async run(context) {
    process.env.MARQUEE_TEST_BUNDLE = context.dist;
    await using system = await EdgeSystem.start({ edges: ['edge1'], env: { LOG_LEVEL: 'silent', ...asOperatorsRun } });
    const outcome: Outcome = { tables: [], targets: [], plots: [] };
    await likes(system, context, outcome);
    await outages(system, context, outcome);
    return outcome;
  },
};

async function likes(system: EdgeSystem, context: Context, outcome: Outcome): Promise<void> {
  const contenders = ['hub', 'edge1'].map((name) => ({
    name: `at ${name}`,
    url: system.at(name).urls.ranking as string,
    processes: [],
    request,
  }));
  const results = await compare(contenders, { connections, ...context });
  outcome.tables.push(loadTable(`POST like, ${connections} in flight, both linked`, results));
  const ratio = resultOf(results, 'at hub').perSecond / resultOf(results, 'at edge1').perSecond;
  outcome.targets.push(atMost('a like at an edge', 1.1, ratio, "of the hub's cost"));
}

/** Measures catching up after an outage in which each side stored half of the backlog. */
async function outages(system: EdgeSystem, { quick, most, say }: Context, outcome: Outcome): Promise<void> {
  const backlogs = (quick ? [1000, 4000] : [1000, 10_000, 50_000, 200_000]).filter((backlog) => backlog <= most);
  const rows: (string | number)[][] = [];
  const [hub, edge1] = [system.at('hub'), system.at('edge1')];
  let votes = 0;
  await together(hub, edge1);
  for (const backlog of backlogs) {
    edge1.link?.cut();
    await Promise.all([store(hub, backlog / 2, votes), store(edge1, backlog / 2, votes)]);
    votes += backlog;
    edge1.link?.resume();
    const since = performance.now();
    await together(hub, edge1);
    const seconds = (performance.now() - since) / 1000;
    const [services, broker] = [memoryMb(edge1.pid as number), memoryMb(edge1.brokerPid)];
    const disk = folderMb(edge1.folder);
    say(
      `  ${backlog} events: together after ${seconds.toFixed(1)} s; ${Math.round(services.now + broker.now)} MB, disk ${Math.round(disk)} MB`,
    );
    const columns = [services.now, services.peak, broker.now, broker.peak, disk].map((value) => round(value));
    rows.push([backlog.toLocaleString('en-US'), seconds.toFixed(1), votes.toLocaleString('en-US'), ...columns]);
    if (backlog === backlogs.at(-1)) {
      outcome.targets.push(atMost('memory of an edge, at peak', 350, services.peak + broker.peak, 'MB'));
    }
  }
  outcome.tables.push({
    title: 'After an outage in which each side stored half of the backlog',
    columns: [
      'backlog',
      'seconds until all views are equal',
      'votes in all',
      'services MB',
      'peak',
      'broker MB',
      'peak',
      'disk MB of the edge',
    ],
    rows,
    note: 'Each vote is a separate message, as from a single viewer; under load many votes share a message.',
  });
}

const inFlight = 500;

async function store({ nats, name }: Site, count: number, from: number): Promise<void> {
  const nc = await connect({ servers: nats });
  const js = jetstream(nc);
  for (let sent = 0; sent < count; sent += inFlight) {
    const some = Array.from({ length: Math.min(inFlight, count - sent) }, (_, index) => from + sent + index);
    await Promise.all(
      some.map((vote) =>
        js.publish(`votes.${name}.${1 + (vote % movies)}`, `{"voterId":"${name}-${vote}","liked":true}`, {
          timeout: 60_000,
        }),
      ),
    );
  }
  await nc.close();
}

/** Waits until each site has copied the other's votes and its ranking shows them. */
async function together(...sites: Site[]): Promise<void> {
  const ends = async ({ nats }: Site): Promise<number> => {
    const nc = await connect({ servers: nats });
    const { state } = await (await jetstream(nc).jetstreamManager()).streams.info('VOTES');
    await nc.close();
    return state.last_seq;
  };
  const wanted = await Promise.all(sites.map(ends));
  for (const site of sites) {
    for (;;) {
      const { body } = await send<Ready>('GET', `${site.urls.ranking}/readyz`);
      const reached = (other: Site, end: number): boolean =>
        other === site || (body.streams?.find(({ stream }) => stream === `VOTES_${other.name}`)?.sequence ?? 0) >= end;
      if (sites.every((other, index) => reached(other, wanted[index] as number))) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

interface Ready {
  streams?: { stream: string; sequence: number }[];
}
