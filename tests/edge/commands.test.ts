/** Sites run by the commands of docs/edge.md. */
import assert from 'node:assert/strict';
import { cpSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { serviceNames } from '../../services/index.ts';
import { portVariable } from '../../shared/process/config.ts';
import { togetherMs } from '../../streams/twins.ts';
import { get, post, startProgram, temporaryFolder, until } from '../harness.ts';
import { metricsOf, sampleOf } from '../metrics-text.ts';
import { EdgeSystem, type Site } from './system.ts';

async function site(args: string[], env: Record<string, string>): Promise<{ status: unknown; out: string }> {
  const program = startProgram('deploy/edge/main.ts', args, env);
  const status = await program.ended;
  return { status, out: program.stdout + program.stderr };
}

test('refuses invalid arguments with the reason and changes nothing', async () => {
  using folder = temporaryFolder();
  const env = { DATA_DIR: join(folder.path, 'data') };
  const refused: [string[], RegExp][] = [
    [[], /missing argument/],
    [['add'], /the site is missing/],
    [['add', 'hub'], /cannot be named hub/],
    [['add', 'a.b'], /not a valid site name/],
    [['add', 'edge1', '--hub', 'http://hub'], /must begin with nats-leaf/],
    [['remove', 'edge1'], /there is no site edge1/],
    [['list'], /no other sites/],
    [['edge1'], /There is no edge edge1 in .*site -- add edge1/],
    [['edge1', '--hub', 'hub:7422'], /must begin with nats-leaf/],
    [['edge1', '--hub', 'nats-leaf://hub:7422'], /has no secret key/],
    [['edge1', '--ca', 'nowhere.pem'], /no such file/],
    [['status', '--hub', 'x'], /cannot be used with status/],
  ];
  await Promise.all(
    refused.map(async ([args, reason]) => {
      const { status, out } = await site(args, env);
      assert.equal(status, out.includes('Usage: ') ? 2 : 1, `${args.join(' ')}: ${out}`);
      assert.match(out, reason);
    }),
  );
  assert.throws(() => statSync(env.DATA_DIR));
});

describe('a hub and an edge', () => {
  let system: EdgeSystem;
  let startedAt: number;
  const votes = async (name: string): Promise<unknown> => (await get(`${system.at(name).url}/votes/1`)).body.likes;
  const like = async (name: string, voterId: string): Promise<void> => {
    assert.equal((await post(`${system.at(name).url}/votes/1/like`, { voterId })).status, 200);
  };
  /** Runs a second machine with the name and key of an edge but no data, until it exits. */
  const copyOf = (edge: Site, folder: string) => {
    cpSync(join(edge.folder, 'site.json'), join(folder, edge.name, 'site.json'));
    const anyPorts = Object.fromEntries([...serviceNames, 'nats'].map((name) => [portVariable(name), '0']));
    return site([edge.name], { ...anyPorts, DATA_DIR: folder, LOG_LEVEL: 'silent' });
  };

  beforeAll(async () => {
    system = await EdgeSystem.start({ edges: ['edge1'], env: { MAX_MOVIES: '20', REQUEST_TIMEOUT_MS: '20000' } });
    startedAt = performance.now();
  });
  afterAll(() => system[Symbol.asyncDispose]());

  test('the edge starts with the catalogue, and only its owner can read its key', async () => {
    assert.equal((await get(`${system.at('edge1').url}/movies/1`)).status, 200);
    assert.equal(statSync(join(system.at('edge1').folder, 'site.json')).mode & 0o077, 0);
    await assert.rejects(system.at('edge1').command(['list']), /no other sites: .*npm run site -- status edge1/);
    assert.match(await system.at('hub').command(['list']), /^hub +this site\nedge1 +answers$/m);
    const elsewhere = { NATS_URL: system.at('hub').nats };
    for (const name of ['status', 'recover'])
      await assert.rejects(
        system.at('edge1').command([name, 'edge1'], elsewhere),
        /is the broker of hub: .* the broker of edge1\.$/m,
      );
  });

  test('a second machine of the same name exits before it accepts writes, and the first goes on', async () => {
    const edge = system.at('edge1');
    await until(() => performance.now() - startedAt > togetherMs, 'the first to be the one that runs for longer');
    using folder = temporaryFolder();
    const { status, out } = await copyOf(edge, folder.path);
    assert.equal(status, 1, out);
    assert.match(out, /^edge1 is already running on \S+\. .*npm run site -- add NAME/m);
    assert.equal((await get(`${edge.url}/movies/1`)).status, 200);
  });

  test('an edge with data starts and works while the link is cut; an edge without data does not start', async () => {
    const edge = system.at('edge1');
    await like('hub', 'ann');
    await until(async () => (await votes('edge1')) === 1, 'the like of the hub at the edge');
    edge.link?.cut();
    await edge.kill();
    using folder = temporaryFolder();
    const [, { status, out }] = await Promise.all([edge.start(), copyOf(edge, folder.path)]);
    assert.equal(status, 1, out);
    assert.match(out, /The hub does not answer.*npm run site -- add edge1/s);
    assert.equal(await votes('edge1'), 1);
    await like('edge1', 'bob');
    assert.match(await system.at('hub').command(['status']), /edge1 does not answer/);
    edge.link?.resume();
    await until(async () => (await votes('hub')) === 2, 'the like of the edge at the hub');
  });

  test('an edge that lost its disk recovers its events, here on Deno, and prints an address that can be opened', async () => {
    const edge = system.at('edge1');
    await edge.stop();
    edge.wipe();
    // With HOST=0.0.0.0 the edge must print another address than the one it listens on.
    await edge.start([], 'deno', { HOST: '0.0.0.0', OPEN_ACCESS: '1' });
    assert.match(edge.output, new RegExp(`gateway +${edge.url}$`, 'm'));
    assert.equal(await votes('edge1'), 2);
    await like('edge1', 'carl');
    await until(async () => (await votes('hub')) === 3, 'the next like at the hub');
    await until(async () => {
      const rows = (await system.at('hub').command(['status'])).split('\n').filter((line) => line.startsWith('VOTES'));
      return rows.length > 0 && rows.every((row) => row.endsWith(' 0'));
    }, 'no vote to be missing anywhere');
    assert.match(await edge.command(['recover', 'edge1']), /Nothing to recover/);
  });

  test('the hub refuses a removed edge and keeps its data', async () => {
    system.at('edge1').link?.cut();
    const answers = async () => sampleOf(await metricsOf(system.at('hub').url), 'marquee_site_answers');
    await until(async () => (await answers()) === 0, 'the hub to miss the edge');
    await system.at('hub').command(['remove', 'edge1']);
    await until(async () => (await answers()) === undefined, 'the hub to drop the removed edge without a restart');
    assert.match(await system.at('hub').command(['status']), /^No other site may connect/);
    system.at('edge1').link?.resume();
    await system.at('hub').stop();
    await system.at('hub').start();
    assert.match(await system.at('hub').command(['list']), /^edge1 +removed$/m);
    assert.equal(await votes('hub'), 3);
    await like('edge1', 'dora');
    assert.equal(await votes('edge1'), 4, 'it goes on by itself');
    assert.equal(await votes('hub'), 3);
  });
});
