import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, test } from 'vitest';
import { get, type Program, type Replica, type System, startProgram, startSystem, until } from './harness.ts';
import { ownRuntime } from './process.ts';
import { type Outcome, outcome, seedIn } from './seed-outcome.ts';

const header =
  'Rank,Title,Genre,Description,Director,Actors,Year,Runtime (Minutes),Rating,Votes,Revenue (Millions),Metascore';
const dataset = resolve(import.meta.dirname, '../../shared/data/IMDB-Movie-Data.csv');

let system: System;
let movies: Replica;
let first = 0;
beforeAll(async () => {
  system = await startSystem({ ownBroker: true });
  [movies] = await system.start('movies');
});
afterAll(() => system[Symbol.asyncDispose]());
/** Each test has ids of its own in the one system. */
beforeEach(() => {
  first += 1_000_000;
});

const row = (n: number, title = `Film ${first + n}`): string =>
  `${first + n},"${title}","Drama,War","About ${n}, mostly.",A. Director,"One Actor, Another Actor",1999,100,7.5,1000,1.5,60`;

function csv(name: string, lines: string[]): string {
  const file = join(system.folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

const seed = (args: string[], env: Record<string, string> = {}): Promise<Outcome> =>
  outcome(system.program('seed/main.ts', args, env));

/** The same without a process, where it is not about how that ends. */
const seedHere = (args: string[]): Promise<Outcome> => seedIn(system, args);

const shown = async (n: number) => (await get(`${movies.url}/movies/${first + n}`)).body;

test('an empty catalogue takes a file without rows for what it is', async () => {
  const nothing = await seed(['--csv', csv('header.csv', [header]), '--if-empty']);
  assert.deepEqual([nothing.status, nothing.counts], [0, [0, 0, 0, 0, 0]]);
});

test('rows become movies; again, nothing changes; what changed is updated', async () => {
  const rows = Array.from({ length: 700 }, (_, i) => row(i + 1));
  const file = csv('plain.csv', [header, ...rows]);
  const added = await seed(['--csv', file]);
  assert.deepEqual([added.status, added.counts, added.errors], [0, [700, 700, 0, 0, 0], '']);
  const { revision, likes, ...movie } = await shown(1);
  assert.equal(typeof revision, 'number');
  assert.equal(likes, null);
  assert.deepEqual(movie, {
    movieId: first + 1,
    title: `Film ${first + 1}`,
    genres: ['Drama', 'War'],
    description: 'About 1, mostly.',
    director: 'A. Director',
    actors: ['One Actor', 'Another Actor'],
    year: 1999,
    runtimeMinutes: 100,
    rating: 7.5,
    votes: 1000,
    revenueMillions: 1.5,
    metascore: 60,
    alternativeTitles: [],
    posterUrl: null,
    country: '',
    language: '',
  });

  const again = await seedHere(['--csv', file]);
  assert.deepEqual([again.status, again.counts], [0, [700, 0, 0, 700, 0]]);
  assert.equal(again.output.at(-1), 'Nothing has changed.');
  assert.equal((await shown(1)).revision, revision);

  const rated = (n: number): string => row(n).replace('7.5', '8.5');
  csv('plain.csv', [header, ...rows.slice(0, 3), rated(4), rated(5), ...rows.slice(5), row(701)]);
  const changed = await seedHere(['--csv', file]);
  assert.deepEqual([changed.status, changed.counts], [0, [701, 1, 2, 698, 0]]);
  assert.equal((await shown(4)).rating, 8.5);
});

test('rows that do not fit are refused with line, column and reason; the others go on', async () => {
  const rejects = join(system.folder, 'refused', 'out.csv');
  const file = csv('broken.csv', [
    header,
    row(1, 'Of\ntwo lines'),
    row(2).replace('1999', '1,99'),
    row(3),
    row(3),
    row(4).replace(',60', ''),
    row(5).replace('7.5', '75').replace(/^\d+/, 'x'),
    row(6),
  ]);
  const result = await seed(['--csv', file, '--rejects', rejects]);
  assert.deepEqual([result.status, result.counts], [1, [7, 3, 0, 0, 4]]);
  const reasons = [
    /^line 4: \(row\): has 13 fields, the header 12/,
    /^line 6: Rank: \d+ is on line 5, too$/,
    /^line 7: \(row\): has 11 fields, the header 12/,
    /^line 8: Rank: "x" is not a whole number$/,
    /^line 8: Rating: /,
  ];
  for (const reason of reasons)
    assert.ok(
      result.output.some((line) => reason.test(line)),
      String(reason),
    );
  assert.ok(result.output.some((line) => line.includes(rejects)));
  const written = readFileSync(rejects, 'utf8').trimEnd().split('\n');
  assert.equal(written[0], `\ufeffLine,Column,Reason,${header}`);
  assert.deepEqual(
    written.slice(1).map((line) => line.split(',').slice(0, 2)),
    [
      ['4', '(row)'],
      ['6', 'Rank'],
      ['7', '(row)'],
      ['8', 'Rank; Rating'],
    ],
  );
  for (const n of [1, 3, 6]) assert.equal((await shown(n)).movieId, first + n);

  csv('broken.csv', [header, row(1, 'Of\ntwo lines')]);
  assert.equal((await seedHere(['--csv', file, '--rejects', rejects])).status, 0);
  assert.equal(existsSync(rejects), false, 'the file of the earlier run is gone');
});

test('a file that is no such CSV is refused at once, with the reason', async () => {
  const result = await seed(['--csv', csv('unusable.csv', ['Rank;Title;Genre', '1;Alien;Horror'])]);
  assert.equal(result.status, 2);
  assert.match(result.errors, /it has 3 columns, parted by ";": Rank, Title, Genre\n/);
  assert.doesNotMatch(result.errors, /\n {4}at /);
  const missing = await seed(['--csv', join(system.folder, 'missing.csv')]);
  assert.deepEqual([missing.status, /does not exist/.test(missing.errors)], [2, true]);
});

test('a file never harms the films that are there, and several files make one catalogue', async () => {
  const own = csv('own.csv', [header, row(1, 'Ferry'), row(2, 'Tower')]);
  assert.deepEqual((await seedHere(['--csv', own])).counts, [2, 2, 0, 0, 0]);
  // The same ids, for other films, and the same films under other ids.
  const other = csv('other.csv', [header, row(1, 'Harbour'), row(7, 'ferry').replace('7.5', ''), row(8, 'Mill')]);
  const second = await seedHere(['--csv', other]);
  assert.deepEqual([second.status, second.counts], [0, [3, 2, 1, 0, 0]]);
  assert.ok(second.output.some((line) => /^In the catalogue under another id .*: 1$/.test(line)));
  assert.ok(second.output.some((line) => /^New with an id that another film has.*: 1$/.test(line)));
  assert.deepEqual([(await shown(1)).title, (await shown(1)).rating], ['ferry', 7.5]);
  assert.equal((await shown(9)).title, 'Harbour', 'above all ids of the file');
  assert.equal((await shown(8)).title, 'Mill');
  assert.deepEqual((await seedHere(['--csv', other])).counts, [3, 0, 0, 3, 0]);

  const kept = await seedHere(['--csv', csv('kept.csv', [header, row(1, 'Lane'), row(3, 'Lane')]), '--keep-ids']);
  assert.deepEqual([kept.status, kept.counts], [1, [2, 1, 0, 0, 1]]);
  assert.ok(kept.output.some((line) => /^line 2: \(row\): the id \d+ is that of “ferry” \(1999\)$/.test(line)));

  const posters = csv('posters.csv', ['name,when,image,score', `Tower,1999,https://example.org/t.png,1.0`]);
  const map = 'title=name,year=when,posterUrl=image,rating=score';
  assert.deepEqual((await seedHere(['--csv', posters, '--fill', '--map', map])).counts, [1, 0, 1, 0, 0]);
  const filled = await shown(2);
  assert.deepEqual([filled.posterUrl, filled.rating], ['https://example.org/t.png', 7.5]);

  const replaced = await seedHere(['--csv', csv('replaced.csv', [header, row(1, 'Lane')]), '--replace']);
  assert.deepEqual(replaced.counts, [1, 0, 1, 0, 0]);
  assert.equal((await shown(1)).title, 'Lane');
  const mixed = csv('mixed.csv', [header, row(0, 'Quay').replace(/^\d+/, ''), row(10, 'Pier')]);
  assert.deepEqual((await seedHere(['--csv', mixed, '--replace'])).counts, [2, 2, 0, 0, 0]);
});

test('a film that is twice in a file is one without ids, and two where the file gives them two', async () => {
  const file = csv('twice.csv', [header, row(1, 'Twin'), row(2, 'Twin'), row(3, 'Other')]);
  assert.deepEqual((await seedHere(['--csv', file])).counts, [3, 3, 0, 0, 0]);
  assert.deepEqual((await seedHere(['--csv', file])).counts, [3, 0, 0, 3, 0]);
  for (const n of [1, 2]) assert.equal((await shown(n)).title, 'Twin');
  const lines = [1, 2, 3].map((n) => row(n, `Triple ${n < 3}`).replace(/^\d+/, ''));
  const without = await seedHere(['--csv', csv('triple.csv', [header, ...lines])]);
  assert.deepEqual(without.counts, [3, 2, 0, 0, 0]);
  assert.ok(without.output.includes('Left out, being in an earlier row of the file: 1'));
});

test('two seeds of one file at the same time, without ids, bring each film once', async () => {
  const lines = Array.from({ length: 1500 }, (_, i) => `"Reel ${first + i}, The (1950)",Drama`);
  const file = csv('reels.csv', ['name,kind', ...lines]);
  const args = ['--csv', file, '--map', 'title=name,genres=kind'];
  const [one, two] = await Promise.all([seed(args), seed(args)]);
  assert.deepEqual([one.status, two.status], [0, 0]);
  assert.equal((one.counts[1] ?? 0) + (two.counts[1] ?? 0), 1500);
  assert.deepEqual((await seedHere(args)).counts, [1500, 0, 0, 1500, 0]);
});

test('--columns says what was understood, and needs no broker', async () => {
  const file = csv('columns.csv', [header, row(1)]);
  const nowhere = { NATS_URL: 'nats://127.0.0.1:9' };
  const columns = await seed(['--csv', file, '--columns'], nowhere);
  assert.equal(columns.status, 0, columns.errors);
  assert.match(columns.output.join('\n'), /Layout: Marquee.*revenueMillions +← Revenue \(Millions\).*line 2.*Film/s);
});

test('a file that the refused rows would overwrite is left alone', async () => {
  const file = csv('source.csv', [header, row(1)]);
  const result = await seed(['--csv', file, '--rejects', file]);
  assert.equal(result.status, 2);
  assert.match(result.errors, /would overwrite/);
  assert.match(readFileSync(file, 'utf8'), /^Rank,/);
});

test('it ends with 2 and the reason where its arguments do not fit, and without a broker', async () => {
  const unknown = await seed(['--fast']);
  assert.equal(unknown.status, 2);
  assert.match(unknown.errors, /--fast/);
  const nowhere = await seed([], { NATS_URL: 'nats://127.0.0.1:9', REQUEST_TIMEOUT_MS: '300' });
  assert.equal(nowhere.status, 2);
  assert.match(nowhere.errors, /no broker answers at nats:\/\/127\.0\.0\.1:9/);
});

test('--max, or MAX_MOVIES, ends it after so many rows', async () => {
  const file = csv('max.csv', [header, ...Array.from({ length: 50 }, (_, i) => row(i + 1))]);
  assert.deepEqual((await seedHere(['--csv', file, '--max', '7'])).counts, [7, 7, 0, 0, 0]);
  assert.deepEqual((await seed(['--csv', file], { MAX_MOVIES: '9' })).counts, [9, 2, 0, 7, 0]);
  assert.deepEqual((await seed(['--csv', file, '--max', '12'], { MAX_MOVIES: '3' })).counts, [12, 3, 0, 9, 0]);
  const kept = await seed(['--csv', file, '--if-empty']);
  assert.deepEqual([kept.status, kept.output], [0, ['there are movies already: the catalogue stays as it is']]);
});

/** Long enough that a thousand are read before there are more: the first megabyte says what the bytes are. */
const longRow = (n: number): string => row(n).replace('mostly', 'mostly '.repeat(150));

/** A seed of rows that come one after another, as from a pipe: the first thousand are sent, and a movie of them is there. */
async function begunSeed(rows: string[]): Promise<Program> {
  const program = startProgram('seed/main.ts', ['--csv', '-'], system.environment(), ownRuntime, 'pipe');
  program.child.stdin?.write(`${[header, ...rows.slice(0, 1000)].join('\n')}\n`);
  await until(async () => (await get(`${movies.url}/movies/${first + 1}`)).status === 200, 'the first movie');
  return program;
}

test('interrupted, it says how far it got, and running it again completes the job', async () => {
  const rows = Array.from({ length: 1500 }, (_, i) => longRow(i + 1));
  await using program = await begunSeed(rows);
  program.child.kill('SIGINT');
  // It ends with the next row, whenever it has heard of it: some come until then.
  const { stdin } = program.child;
  stdin?.on('error', () => {});
  let next = 1000;
  await until(() => {
    if (program.running && next < rows.length) stdin?.write(`${rows[next++]}\n`);
    return !program.running;
  }, 'it to end');
  const stopped = await outcome(program);
  const [read = 0, added = 0] = stopped.counts;
  assert.equal(stopped.status, 2);
  assert.equal(added, read);
  assert.match(stopped.output.at(-1) ?? '', /Running it again completes the job/);
  const rest = await seedHere(['--csv', csv('whole.csv', [header, ...rows])]);
  assert.deepEqual([rest.status, rest.counts], [0, [1500, 1500 - read, 0, read, 0]]);
});

test('a file that is cut off is taken as far as it goes, and it says how far', async () => {
  const packed = gzipSync([header, ...Array.from({ length: 1500 }, (_, i) => longRow(i + 1))].join('\n'));
  writeFileSync(join(system.folder, 'cut.csv.gz'), packed.subarray(0, -100));
  const { status, counts, output, errors } = await seed(['--csv', join(system.folder, 'cut.csv.gz'), '--keep-ids']);
  const [read = 0, added = 0] = counts;
  assert.ok(status === 2 && added > 0 && added === read, `${status}: ${added} of ${read}`);
  assert.equal(output.at(-1), 'The rest of the file cannot be read.');
  assert.match(errors, /cut\.csv\.gz cannot be read/);
});

test('a broker that is killed on the way and comes back is waited for; nothing is missing', async () => {
  const rows = Array.from({ length: 2000 }, (_, i) => longRow(i + 1));
  await using program = await begunSeed(rows);
  await system.killBroker();
  program.child.stdin?.end(`${rows.slice(1000).join('\n')}\n`);
  const isAway = async () => (await get<{ broker: string }>(`${movies.url}/readyz`)).body.broker === 'disconnected';
  await until(isAway, 'the loss to be noticed');
  await system.restartBroker();
  const result = await outcome(program);
  assert.equal(result.status, 0, result.errors);
  assert.equal(result.counts[0], 2000);
  assert.deepEqual((await seedHere(['--csv', csv('whole.csv', [header, ...rows])])).counts, [2000, 0, 0, 2000, 0]);
});

const absent = existsSync(dataset) ? false : `${dataset} is not here`;
test('the well-known dataset, where it is present, is taken but for its three rows that are shifted', {
  skip: absent !== false,
}, async () => {
  const result = await seedHere(['--csv', dataset]);
  assert.deepEqual([result.status, result.counts], [1, [1000, 997, 0, 0, 3]]);
  // Unquoted commas in their descriptions.
  const isSaid = (line: number): boolean => result.output.some((printed) => printed.startsWith(`line ${line}: `));
  assert.deepEqual([358, 880, 972].filter(isSaid), [358, 880, 972]);
  const found = await get<{ items: { title: string }[] }>(`${movies.url}/movies?q=guardins+galxy`);
  assert.equal(found.body.items[0]?.title, 'Guardians of the Galaxy');
});

test('the catalogue of the project is taken whole', async () => {
  const { status, counts } = await seedHere([]);
  assert.deepEqual([status, counts[4], (counts[0] ?? 0) >= 400], [0, 0, true]);
});
