/** Archive runs that are killed during likes lose no vote and count none twice. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { archiveKind } from '../shared/broker/archive.ts';
import { get, post, type Replica, type System, startSystem, until } from './harness.ts';

const movies = 20;
/** Long voter ids, which fill a segment with fewer votes. */
const voter = (n: number): string => `v${n}${'-and-so-on'.repeat(24)}`;

async function answersOf({ url }: Pick<Replica, 'url'>): Promise<string> {
  const one = Array.from({ length: movies }, (_, i) => `/votes/${i + 1}?voterId=${voter(i)}`);
  const paths = ['/votes', '/ranking?limit=500', '/ranking?by=trending&limit=3', '/ranking/genre/drama', ...one];
  const bodies = paths.map(async (path) => JSON.stringify((await get(url + path)).body));
  return (await Promise.all(bodies)).join('\n');
}

/** Enough votes for several segments. */
async function fill(system: System): Promise<void> {
  const { nc, jsm } = system.link;
  for (let movieId = 1; movieId <= movies; movieId++) {
    await system.publish(`catalogue.hub.movie.${movieId}`, { title: `Film ${movieId}`, genres: ['Drama'] });
  }
  const batches = 460;
  for (let batch = 0; batch < batches; batch++) {
    const votes = Array.from({ length: 100 }, (_, i) => ({
      movieId: 1 + ((batch + i) % movies),
      voterId: voter((batch * 31 + i * i) % 3000),
      liked: (batch * i) % 7 > 0,
    }));
    nc.publish('votes.hub.batch', JSON.stringify(votes));
  }
  await until(async () => (await jsm.streams.info('VOTES')).state.last_seq === batches, 'all votes to be stored');
}

test('votes give the same answers after archive runs that were killed', async () => {
  await using system = await startSystem({ ownBroker: true });
  await fill(system);
  const [old] = await system.start('ranking');
  await old.stop();
  const [live] = await system.start('ranking');

  const likes = { stopped: false, given: 0 };
  const liking = (async () => {
    while (!likes.stopped) {
      const { status } = await post(`${live.url}/votes/${1 + (likes.given % movies)}/like`, {
        voterId: `w${likes.given}`,
      });
      if (status === 200) likes.given++;
    }
  })();
  const segments = async () => (await system.link.jsm.streams.info(archiveKind)).state.messages;
  for (let wanted = 1; wanted <= 3; wanted++) {
    const run = system.program('streams/archive-cli.ts', [], { VOTES_KEEP: '0s' });
    await until(async () => (await segments()) >= wanted, `segment ${wanted}`);
    // The run is comparing the archive with the stream, or removing messages from the stream.
    await run.signal('SIGKILL');
  }
  // Kill the broker during a run as well.
  const run = system.program('streams/archive-cli.ts', [], { VOTES_KEEP: '0s' });
  await until(() => run.running && run.child.pid, 'the archive run to start');
  await system.killBroker();
  await system.restartBroker();
  await run.ended;
  likes.stopped = true;
  await liking;

  const last = system.program('streams/archive-cli.ts', [], { VOTES_KEEP: '0s' });
  assert.equal(await last.ended, 0, last.stderr);
  assert.match(last.stdout, /^\d+ messages of VOTES moved into \d+ bytes of ARCHIVE\n$/);
  const { state } = await system.link.jsm.streams.info('VOTES');
  assert.equal(state.messages, 10);

  const [fresh] = await system.start('ranking');
  const again = await system.startReplica('ranking', { DATA_DIR: old.dataDir });
  await again.ready;
  const expected = await answersOf(live);
  assert.equal(await answersOf(fresh), expected);
  // The replica answers from its file at once, and reads on from its checkpoint.
  await until(async () => {
    assert.equal(await answersOf(again), expected);
    return true;
  }, 'the older file to catch up');
  assert.ok(likes.given > 0);
  const { body } = await get<{ liked: boolean }>(`${fresh.url}/votes/1?voterId=w0`);
  assert.equal(body.liked, true);
});
