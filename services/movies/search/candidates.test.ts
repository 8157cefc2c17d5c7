import assert from 'node:assert/strict';
import { afterAll, test, vi } from 'vitest';
import { movieOf, openMovies } from '../testing.ts';
import { Candidates } from './candidates.ts';
import { KnownWords } from './known-words.ts';
import { understand } from './understand.ts';

const movies = openMovies();
afterAll(() => movies.db.$client.close());
const common = 'man woman must find love new world one family starwar'.split(' ');
movies.state(
  ...Array.from({ length: 400 }, (_, i) => ({
    movieId: i + 1,
    fields: movieOf({
      title: `${common[i % 10]} ${i % 50 === 0 ? 'clockmaker' : common[(i + 1) % 10]}`,
      description: 'story',
      genres: i % 20 === 0 ? ['War'] : ['Drama'],
      rating: 6,
      votes: 1000 - i,
    }),
  })),
);
const candidates = new Candidates(movies.db);

test('sorts expressions by how few movies they find, or by how unpopular those are', () => {
  const expressions = ['"story"', '"man"', '"clockmaker"', '"nowhere"'];
  const found = candidates.rarest('texts', expressions).map(({ expression }) => expression);
  assert.deepEqual(found, ['"nowhere"', '"clockmaker"', '"man"', '"story"']);
});

test('a filter that most popular movies match is not selective', () => {
  const selective = candidates.selective(['"§drama"', '"§war"', '"§r6"']);
  assert.deepEqual(
    selective.map(({ expression }) => expression),
    ['"§war"'],
  );
});

test('the ways to split a mistyped word have a bounded number of words', () => {
  const { terms } = understand('manwomanmustfindlovenewworldonefamilx');
  const readings = candidates.readings(terms);
  assert.equal(candidates.splitMistyped(readings, terms, 'names'), true);
  const words = (readings.mistyped[0] ?? []).flat(2);
  assert.ok(words.length <= 24 && words.includes('family'), words.join());
});

test('both parts of a split word may be mistyped in names, but not in texts', () => {
  const { terms } = understand('womnaclokcmaker');
  const readings = candidates.readings(terms);
  assert.equal(candidates.splitMistyped(readings, terms, 'texts'), false);
  assert.equal(candidates.splitMistyped(readings, terms, 'names'), true);
  assert.deepEqual(readings.mistyped[0], [[['woman'], ['clockmaker']]]);
});

test('a word that no text has and that is similar to no word is searched by its first letters, unless short or a number', () => {
  const lost = (q: string): string | undefined => {
    const { terms } = understand(q);
    const readings = candidates.readings(terms);
    return candidates.lost(terms, { ...readings, corrections: candidates.corrections(terms, readings) });
  };
  assert.equal(lost('xlocomzker wxmznq story clokmaker man zzz 123456'), '("xl"* OR "wx"*)');
  assert.equal(lost('clokmaker story'), undefined);
});

test('corrects a word with two wrong letters', () => {
  using other = openMovies();
  other.state({ movieId: 1, fields: movieOf({ title: 'Psycho' }) });
  assert.deepEqual(
    new KnownWords(other.db).corrections('ohsycho', 1, () => false),
    ['psycho'],
  );
});

test('corrects a word by its last letters if no text has it and no other word is similar', () => {
  using other = openMovies();
  other.state({ movieId: 1, fields: movieOf({ title: 'Moving' }) });
  const words = new KnownWords(other.db);
  assert.deepEqual(
    words.corrections('boxing', 1, () => false),
    ['moving'],
  );
  assert.deepEqual(
    words.corrections('boxing', 1, () => true),
    [],
  );
});

test('prefers a word of the same pronunciation to one with a wrong letter', () => {
  using other = openMovies();
  const titles = ['Jane', 'Kane', 'Wade', 'Wake', 'Wave', 'Wayne'];
  other.state(...titles.map((title, i) => ({ movieId: i + 1, fields: movieOf({ title, votes: 9 - i }) })));
  assert.equal(new KnownWords(other.db).corrections('wane', 1, () => false)[0], 'wayne');
});

test('compares a mistyped word only with its share of the words of the same sounds', () => {
  using other = openMovies();
  const sameSounds = ['canteno', 'contone', 'cuntun', 'quentin'];
  other.state(...sameSounds.map((title, i) => ({ movieId: i + 1, fields: movieOf({ title }) })));
  const words = new KnownWords(other.db);
  assert.equal(words.corrections('kwentin', 1, () => false)[0], 'quentin');
  assert.equal(words.corrections('kwentin', 1 / 1000, () => false).includes('quentin'), false);
});

test('a search uses a dozen expressions at most, each of bounded length', () => {
  const found = vi.spyOn(Candidates.prototype, 'found');
  const searches = [
    common.join(' '),
    common.map((word) => `${word.slice(0, 2)}x${word.slice(2)}`).join(' '),
    common.map((word, i) => word + common[(i + 3) % 10]).join(' '),
    `${common.slice(0, 6).join('')} 1980s 1990s 2000s`,
    'clokmaker nowhere familx',
    'a b c d e f g h i j k l',
  ];
  for (const q of searches) {
    for (const filters of [{}, { genre: 'War' }, { genre: 'Drama', minRating: 5 }, { year: 1999, minRating: 7 }]) {
      found.mockClear();
      movies.queries.search(q, { ...filters, limit: 20 });
      assert.ok(found.mock.calls.length <= 12, `${found.mock.calls.length} expressions for ${q}`);
      for (const [, expression] of found.mock.calls) {
        assert.ok(expression.split('"').length < 2 * 150, `${q}: ${expression}`);
      }
    }
  }
  found.mockRestore();
});

test('the rest of a page does not repeat an expression that has returned all its movies', () => {
  const found = vi.spyOn(Candidates.prototype, 'found');
  for (const filters of [{}, { genre: 'War' }]) {
    found.mockClear();
    const page = JSON.parse(movies.queries.search('clockmaker story', { ...filters, limit: 500 }));
    const expressions = found.mock.calls.map(([index, expression]) => index + expression);
    assert.equal(new Set(expressions).size, expressions.length, expressions.join('\n'));
    assert.ok(page.items.length >= 4);
  }
  found.mockRestore();
});
