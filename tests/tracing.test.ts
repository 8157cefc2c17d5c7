import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type Collector, type SeenSpan, startCollector } from './collector.ts';
import { get, post, type Runtime, runtimes, type System, startSystem, until } from './harness.ts';
import { metricsOf, sampleOf } from './metrics-text.ts';

const kinds = { server: 2, client: 3, producer: 4, consumer: 5 };

/** Headers of a client whose trace is recorded or not. */
function client(sampled = true): { traceId: string; spanId: string; traceparent: string } {
  const traceId = randomBytes(16).toString('hex');
  const spanId = randomBytes(8).toString('hex');
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${sampled ? '01' : '00'}` };
}

async function addMovie(system: System, ...urls: string[]): Promise<void> {
  await system.publish('catalogue.hub.movie.1', { title: 'Alien', genres: ['Horror'] });
  for (const url of urls)
    await until(async () => (await get(`${url}/votes/1`)).status === 200, 'the movie to be known');
}

/** Waits until a trace has a number of spans, and returns them. */
function traceOf({ spans }: Collector, traceId: string, count: number): Promise<SeenSpan[]> {
  return until(
    () => {
      const own = spans.filter((span) => span.traceId === traceId);
      return own.length >= count ? own : undefined;
    },
    `${count} spans; there are ${JSON.stringify(spans.map(({ service, name }) => `${service}: ${name}`))}`,
  );
}

/** Starts services in one process, since the SDK reads the process's environment. Returns their URLs once ready. */
async function startTraced<const N extends string[]>(
  system: System,
  env: Record<string, string>,
  names: N,
  runtime: Runtime = 'node',
) {
  const own = { LOG_LEVEL: 'info', DATA_DIR: join(system.folder, randomUUID()), ...env };
  const program = system.program('services/main.ts', names, own, runtime);
  const urls = names.map(async (name) => {
    const [, url = ''] = await program.prints(new RegExp(`"service":"${name}","url":"([^"]+)"`));
    await until(async () => (await get(`${url}/readyz`)).status === 200, `${name} to be ready`);
    return url;
  });
  return { program, urls: (await Promise.all(urls)) as { [K in keyof N]: string } };
}

async function traceparentOfLastVote(system: System): Promise<string | undefined> {
  const jsm = await system.streams();
  return (await jsm.streams.getMessage('VOTES', { last_by_subj: 'votes.>' }))?.header.get('traceparent');
}

for (const runtime of runtimes) {
  test.concurrent(`a like gives one trace from the gateway to the view of every replica (${runtime})`, async () => {
    await using collector = await startCollector();
    await using system = await startSystem();
    const [first, second] = await Promise.all([
      startTraced(system, collector.env, ['gateway', 'ranking'], runtime),
      startTraced(system, collector.env, ['ranking'], runtime),
    ]);
    const [gateway, ...rankings] = [...first.urls, ...second.urls];
    await addMovie(system, ...rankings, gateway);
    const { traceId, spanId, traceparent } = client();
    assert.equal((await post(`${gateway}/votes/1/like`, { voterId: 'a' }, { traceparent })).status, 200);

    const spans = await traceOf(collector, traceId, 6);
    const only = (name: string, kind: keyof typeof kinds): SeenSpan => {
      const found = spans.filter((span) => span.name === name && span.kind === kinds[kind]);
      assert.equal(found.length, 1, `${kind} spans ${name}`);
      return found[0] as SeenSpan;
    };
    const entrance = only('POST /votes/:movieId/like', 'server');
    const asking = only('ranking.like', 'client');
    const answering = only('ranking.like', 'server');
    const publishing = only('publish VOTES', 'producer');
    const applying = spans.filter(({ name, kind }) => name === 'apply VOTES' && kind === kinds.consumer);
    assert.deepEqual(
      [entrance, asking, answering, publishing].map(({ service, parentSpanId }) => [service, parentSpanId]),
      [
        ['gateway', spanId],
        ['gateway', entrance.spanId],
        ['ranking', asking.spanId],
        ['ranking', answering.spanId],
      ],
    );
    assert.deepEqual(
      applying.map(({ service, parentSpanId }) => [service, parentSpanId]),
      [
        ['ranking', publishing.spanId],
        ['ranking', publishing.spanId],
      ],
    );
    assert.equal(new Set(applying.map(({ instance }) => instance)).size, 2, 'two replicas');
    assert.equal(entrance.attributes['http.response.status_code'], 200);
    assert.equal(await traceparentOfLastVote(system), `00-${traceId}-${publishing.spanId}-01`);

    const metrics = await fetch(`${gateway}/metrics`);
    assert.match(metrics.headers.get('content-type') ?? '', /^application\/openmetrics-text/);
    assert.match(
      await metrics.text(),
      new RegExp(`^http_server_request_duration_seconds_bucket{.*"ranking.like".*} 1 # {trace_id="${traceId}"} `, 'm'),
    );
  });
}

describe('services in one process', () => {
  let collector: Collector;
  let system: System;
  let ranking: string;
  let support: string;
  beforeAll(async () => {
    collector = await startCollector();
    system = await startSystem({ ownBroker: true });
    // Long enough that no vote times out until all of them wait, even on a busy machine.
    const env = { ...collector.env, REQUEST_TIMEOUT_MS: '60000' };
    const { urls } = await startTraced(system, env, ['ranking', 'support', 'technical-support']);
    [ranking, support] = urls;
    await addMovie(system, ranking);
  });
  afterAll(async () => {
    await system[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
  });

  test('a request without a trace starts one, and an unsampled trace is propagated', async () => {
    const quiet = client(false);
    await post(`${ranking}/votes/1/like`, { voterId: 'a' }, { traceparent: quiet.traceparent });
    assert.match((await traceparentOfLastVote(system)) ?? '', new RegExp(`^00-${quiet.traceId}-[0-9a-f]{16}-00$`));

    await post(`${ranking}/votes/1/like`, { voterId: 'b' });
    const begun = (await traceparentOfLastVote(system))?.slice(3, 35) as string;
    const spans = await traceOf(collector, begun, 3);
    assert.equal(spans.find(({ kind }) => kind === kinds.server)?.parentSpanId, '');
    assert.deepEqual(
      collector.spans.filter(({ traceId }) => traceId === quiet.traceId),
      [],
    );
  });

  test('a message of several votes is in the trace of the first and links to the others', async () => {
    const clients = Array.from({ length: 40 }, () => client());
    // While the broker does not answer, two messages are in flight and all other votes wait for the next.
    system.signalBroker('SIGSTOP');
    const voted = clients.map(({ traceparent }, voter) =>
      post(`${ranking}/votes/1/like`, { voterId: `v${voter}` }, { traceparent }),
    );
    await until(async () => {
      const metrics = await metricsOf(ranking);
      return (sampleOf(metrics, 'http_server_active_requests', { http_request_method: 'POST' }) ?? 0) >= 10;
    }, 'enough votes to be there: on a slow machine the first give up before the last has come');
    system.signalBroker('SIGCONT');
    await Promise.all(voted);
    const publishing = await until(() => {
      const ours = new Set(clients.map(({ traceId }) => traceId));
      const found = collector.spans.filter(({ kind, traceId }) => kind === kinds.producer && ours.has(traceId));
      return found.reduce((sum, { links }) => sum + 1 + links.length, 0) >= clients.length ? found : undefined;
    }, 'every vote to be in the trace of a message, or linked to one');
    assert.ok(publishing.length < clients.length, 'some went together');
    const reached = publishing.flatMap(({ traceId, links }) => [traceId, ...links]);
    assert.deepEqual(reached.sort(), clients.map(({ traceId }) => traceId).sort());
  });

  test("a worker's spans and published events are in the trace of the event", async () => {
    const { traceId, traceparent } = client();
    const opened = await post(`${support}/support/alice`, { message: 'help' }, { traceparent });
    assert.equal(opened.status, 201);
    // Opened and acknowledged: each is published once and applied by both services.
    const spans = await traceOf(collector, traceId, 8);
    const working = spans.find(({ name }) => name === 'process SUPPORT') as SeenSpan;
    assert.equal(working.service, 'technical-support');
    const published = spans.filter(({ name }) => name === 'publish SUPPORT').map(({ service }) => service);
    assert.deepEqual(published.sort(), ['support', 'technical-support']);
    assert.equal(spans.filter(({ name }) => name === 'apply SUPPORT').length, 4);
  });
});

test.concurrent('spans of server errors are marked as failed, those of client errors are not', async () => {
  await using collector = await startCollector();
  await using system = await startSystem();
  const [entrance, backing] = [
    await startTraced(system, collector.env, ['gateway']),
    await startTraced(system, collector.env, ['ranking']),
  ];
  const [gateway] = entrance.urls;
  /** Returns whether the spans of a request failed, by service and kind; on a slow machine some occur twice. */
  const assertFailures = async (status: number, expected: Record<string, boolean>): Promise<void> => {
    const { traceId, traceparent } = client();
    assert.equal((await get(`${gateway}/votes/1`, { traceparent })).status, status);
    await until(() => {
      const spans = collector.spans.filter((span) => span.traceId === traceId);
      const found = spans.map(({ service, kind, failed }) => [`${service} ${kind}`, failed]);
      assert.deepEqual(Object.fromEntries(found), expected);
      return true;
    }, 'all spans');
  };
  const [asked, asking, answering] = [`gateway ${kinds.server}`, `gateway ${kinds.client}`, `ranking ${kinds.server}`];
  await assertFailures(404, { [asked]: false, [asking]: true, [answering]: false });
  assert.equal(await backing.program.signal('SIGTERM'), 0);
  await assertFailures(503, { [asked]: true, [asking]: true });
});

test.concurrent('OTLP is exported as protobuf by default', async () => {
  await using collector = await startCollector();
  await using system = await startSystem();
  const { OTEL_EXPORTER_OTLP_PROTOCOL: _json, ...env } = collector.env;
  const { urls } = await startTraced(system, env, ['ranking']);
  const [ranking] = urls;
  await addMovie(system, ranking);
  const { traceparent, traceId } = client();
  await post(`${ranking}/votes/1/like`, { voterId: 'a' }, { traceparent });
  await until(
    () =>
      collector.bodies.some(({ body }) => body.includes('apply VOTES') && body.includes(Buffer.from(traceId, 'hex'))),
    'the spans in protobuf',
  );
  assert.deepEqual([...new Set(collector.bodies.map(({ type }) => type))], ['application/x-protobuf']);
});

test.concurrent("without a collector events still carry the client's trace, or a new one", async () => {
  await using system = await startSystem();
  const [gateway, ranking] = await system.start('gateway', 'ranking');
  await addMovie(system, ranking.url);
  const { traceparent } = client();
  await post(`${gateway.url}/votes/1/like`, { voterId: 'a' }, { traceparent });
  assert.equal(await traceparentOfLastVote(system), traceparent);
  await post(`${gateway.url}/votes/1/like`, { voterId: 'b' });
  assert.match((await traceparentOfLastVote(system)) ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
});
