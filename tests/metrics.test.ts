import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { serviceNames } from '../services/index.ts';
import { del, get, post, runtimes, type System, startSystem, until } from './harness.ts';
import { metricsOf, sampleOf } from './metrics-text.ts';

const movie = { movieId: 7, title: 'Alien', genres: ['Horror'] };

/** Adds a movie and waits until ranking knows it. */
async function withMovie(url: string): Promise<void> {
  assert.equal((await post(`${url}/movies`, movie)).status, 201);
  await until(async () => (await get(`${url}/votes/7`)).status === 200, 'ranking to know the movie');
}

/** Reads names, types and labels from the tables in docs/metrics.md: those of every service, and of the gateway. */
function documented(name: string): Map<string, { type: string; labels: Set<string> }> {
  const text = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf8');
  const [everywhere = '', gateway = ''] = text.split('Only the gateway has these');
  return table(name === 'gateway' ? everywhere + gateway : everywhere);
}

function table(text: string): Map<string, { type: string; labels: Set<string> }> {
  const rows = text.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  const metrics = rows.filter(([, , type = '']) => /^(gauge|counter|histogram)$/.test(type));
  return new Map(
    metrics.map(([, name = '', type = '', labels = '']) => [
      name.replaceAll('`', ''),
      { type, labels: new Set([...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label as string)) },
    ]),
  );
}

test.concurrent('every service has exactly the metrics of docs/metrics.md', async () => {
  await using system = await startSystem();
  const replicas = await system.start(...serviceNames);
  const gateway = replicas.find(({ name }) => name === 'gateway')?.url as string;
  await withMovie(gateway);
  assert.equal((await post(`${gateway}/support/alice`, { message: 'help' })).status, 201);
  for (const { name, url } of replicas) {
    const table = documented(name);
    const metrics = await metricsOf(url);
    const ofProcess = (metric: string): boolean => /^(process|nodejs)_/.test(metric);
    assert.equal(metrics.types.get('nodejs_eventloop_lag_seconds'), 'gauge', name);
    for (const metric of metrics.types.keys()) if (ofProcess(metric)) metrics.types.delete(metric);
    const given = [...metrics.types].map(([metric, type]) => `${metric} ${type}`).sort();
    assert.deepEqual(given, [...table].map(([metric, { type }]) => `${metric} ${type}`).sort(), name);
    assert.equal(sampleOf(metrics, 'target_info', { service_name: name }), 1);
    for (const sample of metrics.samples.filter((one) => !ofProcess(one.name))) {
      const metric = sample.name.replace(/_(bucket|sum|count)$/, '');
      const { type, labels } = table.get(metric) ?? table.get(sample.name) ?? assert.fail(sample.name);
      const others = Object.keys(sample.labels).filter((label) => !labels.has(label));
      assert.deepEqual(others, type === 'histogram' && sample.name.endsWith('_bucket') ? ['le'] : [], sample.name);
    }
  }
});

test.concurrent('promtool finds no problem', async (t) => {
  if (spawnSync('promtool', ['--version']).error) {
    t.skip('promtool is not here: `apt-get install prometheus` brings it');
    return;
  }
  await using system = await startSystem();
  const replicas = await system.start(...serviceNames);
  await withMovie(replicas[0]?.url ?? '');
  await post(`${replicas[0]?.url}/support/alice`, { message: 'help' });
  for (const { name, url } of replicas) {
    const { text } = await metricsOf(url);
    // Some names of prom-client violate Prometheus' naming rules.
    const input = text.replace(/^.*\bnodejs_.*\n/gm, '');
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    assert.deepEqual({ status, said: stdout + stderr }, { status: 0, said: '' }, name);
  }
});

for (const runtime of runtimes) {
  test.concurrent(`requests over HTTP and NATS are counted by operation, never by path (${runtime})`, async () => {
    await using system = await startSystem();
    const [movies] = await system.start('movies');
    const { url } = await system.spawn('ranking', runtime);
    assert.equal((await post(`${movies.url}/movies`, movie)).status, 201);
    await until(async () => (await get(`${url}/votes/7`)).status === 200, 'ranking to know the movie');
    const before = await countsOf(url);
    await Promise.all([get(`${url}/votes/7`), get(`${url}/votes/7`), get(`${url}/votes/1234567`)]);
    await Promise.all([
      post(`${url}/votes/7/like`, { voterId: 'v' }),
      del(`${url}/nothing/here`),
      post(`${url}/votes`, {}),
    ]);
    await get(`${movies.url}/movies/7`);
    const after = await countsOf(url);
    const { 'rpc ranking.likesOf 200': asked = 0, ...more }: Record<string, number> = Object.fromEntries(
      Object.entries(after)
        .map(([key, count]): [string, number] => [key, count - (before[key] ?? 0)])
        .filter(([, n]) => n > 0),
    );
    assert.ok(asked > 0, 'more than once on a slow machine');
    assert.deepEqual(more, {
      'http GET /votes/:movieId 200': 2,
      'http GET /votes/:movieId 404': 1,
      'http POST /votes/:movieId/like 200': 1,
      'http   404': 1,
      'http   405': 1,
    });
    const metrics = await metricsOf(url);
    assert.doesNotMatch(metrics.text, /1234567|nothing/);
    assert.equal(sampleOf(metrics, 'http_server_active_requests', { http_request_method: 'POST' }), 0);
    assert.equal(sampleOf(metrics, 'messaging_client_operation_duration_seconds_count', { error_type: '' }), 1);
    assert.ok((sampleOf(metrics, 'process_resident_memory_bytes') ?? 0) > 1e7);
    assert.ok((sampleOf(metrics, 'process_cpu_seconds_total') ?? 0) > 0);
    const delay = sampleOf(metrics, 'nodejs_eventloop_lag_p50_seconds') ?? Number.NaN;
    assert.ok(delay >= 0 && delay < 5, `p50 of the event loop delay is ${delay}`);
  });
}

async function countsOf(url: string): Promise<Record<string, number>> {
  const { samples } = await metricsOf(url);
  const counts: Record<string, number> = {};
  for (const { name, labels, value } of samples) {
    const { http_request_method: method, http_route: route, http_response_status_code: status } = labels;
    if (name === 'http_server_request_duration_seconds_count') counts[`http ${method} ${route} ${status}`] = value;
    const { rpc_method: called, rpc_response_status_code: code } = labels;
    if (name === 'rpc_server_call_duration_seconds_count') counts[`rpc ${called} ${code}`] = value;
  }
  return counts;
}

test.concurrent('metrics cover the view, dead letters and the broker: lag, batches, letters, reconnects', async () => {
  await using system = await startSystem({ ownBroker: true });
  const [ranking] = await system.start('ranking');
  const sequence = await publishVotes(system);
  const votes = { messaging_destination_name: 'VOTES' };
  await until(async () => {
    const metrics = await metricsOf(ranking.url);
    assert.equal(sampleOf(metrics, 'marquee_deadletters_total'), 1);
    assert.equal(sampleOf(metrics, 'marquee_view_sequence', votes), sequence);
    assert.equal(sampleOf(metrics, 'marquee_view_lag_events', votes), 0);
    assert.equal(sampleOf(metrics, 'marquee_view_lag_seconds', votes), 0);
    assert.equal(sampleOf(metrics, 'messaging_client_consumed_messages_total', votes), 4);
    assert.ok((sampleOf(metrics, 'db_client_operation_duration_seconds_sum', votes) ?? 0) > 0);
    assert.equal(sampleOf(metrics, 'marquee_deadletters_waiting'), 1);
    assert.equal(sampleOf(metrics, 'marquee_view_caught_up'), 1);
    return true;
  }, 'all metrics');

  await system.killBroker();
  await until(
    async () => sampleOf(await metricsOf(ranking.url), 'marquee_broker_connected') === 0,
    'the loss to be seen',
  );
  assert.equal(sampleOf(await metricsOf(ranking.url), 'marquee_deadletters_waiting'), undefined);
  await system.restartBroker();
  await until(async () => sampleOf(await metricsOf(ranking.url), 'marquee_broker_connected') === 1, 'the reconnect');
  assert.ok((sampleOf(await metricsOf(ranking.url), 'marquee_broker_reconnects_total') ?? 0) >= 1);
});

test.concurrent('the gateway counts refused requests and open event streams', async () => {
  await using system = await startSystem();
  const [gateway, movies] = await system.start('gateway', 'movies');
  const value = async (name: string, labels = {}) => sampleOf(await metricsOf(gateway.url), name, labels);
  const peer = { service_peer_name: 'movies' };
  assert.equal((await get(`${gateway.url}/genres`)).status, 200);
  assert.equal(await value('marquee_circuit_breaker_open', peer), 0);
  await movies.stop();
  await until(async () => {
    await get(`${gateway.url}/genres`);
    return (await value('marquee_circuit_breaker_open', peer)) === 1;
  }, 'the breaker to open');
  assert.ok(((await value('marquee_circuit_breaker_opened_total', peer)) ?? 0) >= 1);

  assert.equal(await value('marquee_live_listeners'), 0);
  const listening = new AbortController();
  const events = await fetch(`${gateway.url}/events`, { signal: listening.signal });
  assert.equal(await value('marquee_live_listeners'), 1);
  listening.abort();
  await events.body?.cancel().catch(() => {});
  await until(async () => (await value('marquee_live_listeners')) === 0, 'the listener to be gone');
});

/** Publishes three votes and one invalid message. */
async function publishVotes(system: System): Promise<number> {
  for (const voterId of ['a', 'b', 'c']) await system.publish('votes.hub.7', { voterId, liked: true });
  return system.publish('votes.hub.7', 'no vote');
}
