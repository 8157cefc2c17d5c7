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
/** Offset of the current test's movie ids, so that tests sharing one system do not collide. */
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

/** Runs the seed in this process, for tests that do not check the exit of the program. */
const seedHere = (args: string[]): Promise<Outcome> => seedIn(system, args);

const shown = async (n: number) => (await get(`${movies.url}/movies/${first + n}`)).body;

test('a file without rows succeeds on an empty catalogue', async () => {
  const nothing = await seed(['--csv', csv('header.csv', [header]), '--if-empty']);
  assert.deepEqual([nothing.status, nothing.counts], [0, [0, 0, 0, 0, 0]]);
});

test('a first run adds rows as movies, a second changes nothing, and edited rows become updates', async () => {
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
  assert.equal(again.output.at(-1), 'Nothing changed.');
  assert.equal((await shown(1)).revision, revision);

  const rated = (n: number): string => row(n).replace('7.5', '8.5');
  csv('plain.csv', [header, ...rows.slice(0, 3), rated(4), rated(5), ...rows.slice(5), row(701)]);
  const changed = await seedHere(['--csv', file]);
  assert.deepEqual([changed.status, changed.counts], [0, [701, 1, 2, 698, 0]]);
  assert.equal((await shown(4)).rating, 8.5);
});

test('invalid rows are refused with line, column and reason while the others are stored', async () => {
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
    /^line 4: \(row\): has 13 fields but the header has 12/,
    /^line 6: Rank: \d+ is already on line 5$/,
    /^line 7: \(row\): has 11 fields but the header has 12/,
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

test('an unusable file is refused at once with the reason', async () => {
  const result = await seed(['--csv', csv('unusable.csv', ['Rank;Title;Genre', '1;Alien;Horror'])]);
  assert.equal(result.status, 2);
  assert.match(result.errors, /the file has 3 columns separated by ";": Rank, Title, Genre\n/);
  assert.doesNotMatch(result.errors, /\n {4}at /);
  const missing = await seed(['--csv', join(system.folder, 'missing.csv')]);
  assert.deepEqual([missing.status, /does not exist/.test(missing.errors)], [2, true]);
});

test('a file never overwrites other films, and several files merge into one catalogue', async () => {
  const own = csv('own.csv', [header, row(1, 'Ferry'), row(2, 'Tower')]);
  assert.deepEqual((await seedHere(['--csv', own])).counts, [2, 2, 0, 0, 0]);
  // The second file uses the same ids for other films, and other ids for the same films.
  const other = csv('other.csv', [header, row(1, 'Harbour'), row(7, 'ferry').replace('7.5', ''), row(8, 'Mill')]);
  const second = await seedHere(['--csv', other]);
  assert.deepEqual([second.status, second.counts], [0, [3, 2, 1, 0, 0]]);
  assert.ok(second.output.some((line) => /^Films that kept the id they have in the catalogue .*: 1$/.test(line)));
  assert.ok(second.output.some((line) => /^New films whose id was taken.*: 1$/.test(line)));
  assert.deepEqual([(await shown(1)).title, (await shown(1)).rating], ['ferry', 7.5]);
  assert.equal((await shown(9)).title, 'Harbour', 'above all ids of the file');
  assert.equal((await shown(8)).title, 'Mill');
  assert.deepEqual((await seedHere(['--csv', other])).counts, [3, 0, 0, 3, 0]);

  const kept = await seedHere(['--csv', csv('kept.csv', [header, row(1, 'Lane'), row(3, 'Lane')]), '--keep-ids']);
  assert.deepEqual([kept.status, kept.counts], [1, [2, 1, 0, 0, 1]]);
  assert.ok(kept.output.some((line) => /^line 2: \(row\): the id \d+ belongs to “ferry” \(1999\)$/.test(line)));

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

test('two rows of the same film are one film when the file has no ids, and two films when it gives them two ids', async () => {
  const file = csv('twice.csv', [header, row(1, 'Twin'), row(2, 'Twin'), row(3, 'Other')]);
  assert.deepEqual((await seedHere(['--csv', file])).counts, [3, 3, 0, 0, 0]);
  assert.deepEqual((await seedHere(['--csv', file])).counts, [3, 0, 0, 3, 0]);
  for (const n of [1, 2]) assert.equal((await shown(n)).title, 'Twin');
  const lines = [1, 2, 3].map((n) => row(n, `Triple ${n < 3}`).replace(/^\d+/, ''));
  const without = await seedHere(['--csv', csv('triple.csv', [header, ...lines])]);
  assert.deepEqual(without.counts, [3, 2, 0, 0, 0]);
  assert.ok(without.output.includes('Rows skipped because an earlier row has the same film: 1'));
});

test('two concurrent seeds of one file without ids add each film once', async () => {
  const lines = Array.from({ length: 1500 }, (_, i) => `"Reel ${first + i}, The (1950)",Drama`);
  const file = csv('reels.csv', ['name,kind', ...lines]);
  const args = ['--csv', file, '--map', 'title=name,genres=kind'];
  const films = async () => (await (await system.streams()).streams.info('CATALOGUE')).state.num_subjects ?? 0;
  const before = await films();
  const [one, two] = await Promise.all([seed(args), seed(args)]);
  assert.deepEqual([one.status, two.status], [0, 0]);
  // Not by the counts of added films: on a busy machine a row is sent again, and its film is already there.
  assert.equal((await films()) - before, 1500);
  assert.deepEqual((await seedHere(args)).counts, [1500, 0, 0, 1500, 0]);
});

test('--columns shows how the file was understood without a broker', async () => {
  const file = csv('columns.csv', [header, row(1)]);
  const nowhere = { NATS_URL: 'nats://127.0.0.1:9' };
  const columns = await seed(['--csv', file, '--columns'], nowhere);
  assert.equal(columns.status, 0, columns.errors);
  assert.match(columns.output.join('\n'), /Layout: Marquee.*revenueMillions +← Revenue \(Millions\).*line 2.*Film/s);
});

test('the seed refuses to overwrite its own input with refused rows', async () => {
  const file = csv('source.csv', [header, row(1)]);
  const result = await seed(['--csv', file, '--rejects', file]);
  assert.equal(result.status, 2);
  assert.match(result.errors, /would overwrite/);
  assert.match(readFileSync(file, 'utf8'), /^Rank,/);
});

test('the seed exits with 2 and the reason when its arguments are invalid or no broker answers', async () => {
  const unknown = await seed(['--fast']);
  assert.equal(unknown.status, 2);
  assert.match(unknown.errors, /--fast/);
  const nowhere = await seed([], { NATS_URL: 'nats://127.0.0.1:9', REQUEST_TIMEOUT_MS: '300' });
  assert.equal(nowhere.status, 2);
  assert.match(nowhere.errors, /no broker answers at nats:\/\/127\.0\.0\.1:9/);
});

test('--max and MAX_MOVIES limit the number of rows', async () => {
  const file = csv('max.csv', [header, ...Array.from({ length: 50 }, (_, i) => row(i + 1))]);
  assert.deepEqual((await seedHere(['--csv', file, '--max', '7'])).counts, [7, 7, 0, 0, 0]);
  assert.deepEqual((await seed(['--csv', file], { MAX_MOVIES: '9' })).counts, [9, 2, 0, 7, 0]);
  assert.deepEqual((await seed(['--csv', file, '--max', '12'], { MAX_MOVIES: '3' })).counts, [12, 3, 0, 9, 0]);
  const kept = await seed(['--csv', file, '--if-empty']);
  assert.deepEqual([kept.status, kept.output], [0, ['the catalogue already has movies: nothing was changed']]);
});

/** Returns a row so long that 1,000 of them exceed the megabyte that is buffered to detect the encoding. */
const longRow = (n: number): string => row(n).replace('mostly', 'mostly '.repeat(150));

/** Starts a seed from standard input, writes the first 1,000 rows, and waits until one is stored. */
async function startSeed(rows: string[]): Promise<Program> {
  const program = startProgram('seed/main.ts', ['--csv', '-'], system.environment(), ownRuntime, 'pipe');
  program.child.stdin?.write(`${[header, ...rows.slice(0, 1000)].join('\n')}\n`);
  await until(async () => (await get(`${movies.url}/movies/${first + 1}`)).status === 200, 'the first movie');
  return program;
}

test('an interrupted seed reports its progress, and the next run completes the job', async () => {
  const rows = Array.from({ length: 1500 }, (_, i) => longRow(i + 1));
  await using program = await startSeed(rows);
  program.child.kill('SIGINT');
  const stopped = await outcome(program);
  const [read = 0, added = 0] = stopped.counts;
  assert.equal(stopped.status, 2);
  assert.equal(added, read);
  assert.match(stopped.output.at(-1) ?? '', /Run it again to complete it/);
  const rest = await seedHere(['--csv', csv('whole.csv', [header, ...rows])]);
  assert.deepEqual([rest.status, rest.counts], [0, [1500, 1500 - read, 0, read, 0]]);
});

test('a truncated file is stored up to the damage, and the summary says so', async () => {
  const packed = gzipSync([header, ...Array.from({ length: 1500 }, (_, i) => longRow(i + 1))].join('\n'));
  writeFileSync(join(system.folder, 'cut.csv.gz'), packed.subarray(0, -100));
  const { status, counts, output, errors } = await seed(['--csv', join(system.folder, 'cut.csv.gz'), '--keep-ids']);
  const [read = 0, added = 0] = counts;
  assert.ok(status === 2 && added > 0 && added === read, `${status}: ${added} of ${read}`);
  assert.equal(output.at(-1), 'The rest of the file could not be read.');
  assert.match(errors, /cut\.csv\.gz cannot be read/);
});

test('the seed waits for a broker that is killed and restarted, and loses no row', async () => {
  const rows = Array.from({ length: 2000 }, (_, i) => longRow(i + 1));
  await using program = await startSeed(rows);
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
test('the IMDb dataset of 2006 to 2016, where present, is stored except for its three shifted rows', {
  skip: absent !== false,
}, async () => {
  const result = await seedHere(['--csv', dataset]);
  assert.deepEqual([result.status, result.counts], [1, [1000, 997, 0, 0, 3]]);
  // Their descriptions have unquoted commas.
  const isReported = (line: number): boolean => result.output.some((printed) => printed.startsWith(`line ${line}: `));
  assert.deepEqual([358, 880, 972].filter(isReported), [358, 880, 972]);
  const found = await get<{ items: { title: string }[] }>(`${movies.url}/movies?q=guardins+galxy`);
  assert.equal(found.body.items[0]?.title, 'Guardians of the Galaxy');
});

test('every row of the shipped catalogue is stored', async () => {
  const { status, counts } = await seedHere([]);
  assert.deepEqual([status, counts[4], (counts[0] ?? 0) >= 400], [0, 0, true]);
});
