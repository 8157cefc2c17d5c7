import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { MovieFields } from './contract.ts';
import { identityKeys } from './film-identity.ts';
import { decideImport, type ImportedFilm, type ImportRules } from './import-decision.ts';
import { movieOf, openMovies } from './testing.ts';

const free: ImportRules = { ids: 'free', fill: false };
const fill: ImportRules = { ids: 'free', fill: true };
const keep: ImportRules = { ids: 'keep', fill: false };
const replace: ImportRules = { ids: 'replace', fill: false };

type Film = Partial<MovieFields> & { title: string; movieId?: number; another?: boolean };

/** Decides on a row while the catalogue holds `films`, using the real tables. */
function decide(films: (Film & { movieId: number })[], row: Film, rules: ImportRules = free) {
  using movies = openMovies();
  movies.state(...films.map(({ movieId, ...fields }) => ({ movieId, fields: movieOf(fields) })));
  const { movieId, another, ...fields } = row;
  const film: ImportedFilm = { ...movieOf(fields), ...(movieId ? { movieId } : {}), another };
  const decision = decideImport(film, rules, {
    movie: (id) => {
      const found = movies.queries.get(id);
      return {
        fields: found && movieOf(JSON.parse(found.document)),
        revision: found?.revision ?? movies.queries.removedRevision(id),
      };
    },
    films: movies.queries.films,
    newId: () => movies.queries.highestId() + 1,
  });
  return 'state' in decision ? { ...decision, state: decision.state as Partial<MovieFields> } : decision;
}

/** Returns the decision as text: the outcome with the id or the reason. */
const became = (...args: Parameters<typeof decide>): string => {
  const decision = decide(...args);
  return decision.outcome === 'refused' ? `refused: ${decision.reason}` : `${decision.outcome} ${decision.movieId}`;
};

const heat = { movieId: 7, title: 'Heat', year: 1995, director: 'Michael Mann', rating: 8.3 };

test('a row matches the film with its title and year whatever the ids, and the film keeps its id', () => {
  assert.equal(became([heat], { ...heat, movieId: 7 }), 'unchanged 7');
  assert.equal(became([heat], { ...heat, movieId: 900 }), 'unchanged 7');
  assert.equal(became([heat], { title: 'HÉAT', year: 1995 }), 'updated 7');
  assert.equal(became([heat], { title: 'heat!', year: 1995, rating: 8.2 }), 'updated 7');
  assert.equal(became([heat], { title: 'Heat', year: 1986 }), 'added 8');
  for (const [one, other] of [
    ['WALL·E', 'Wall-E'],
    ['Bonnie & Clyde', 'Bonnie and Clyde'],
    ['Amélie', 'Amelie'],
    ['$', '$'],
    ['기생충', '기생충'],
  ] as const) {
    assert.match(became([{ movieId: 3, title: one, year: 2000 }], { title: other, year: 2000 }), / 3$/, other);
  }
});

test('of two entries for one film, as when two replicas add it at once, the one first in the stream matches', () => {
  assert.equal(became([{ ...heat, movieId: 9 }, heat], { ...heat, movieId: 900 }), 'unchanged 9');
});

test('a different film never takes the id of an existing one', () => {
  assert.equal(became([heat], { movieId: 7, title: 'Alien', year: 1979 }), 'added 8');
  assert.equal(became([heat], { movieId: 5, title: 'Alien', year: 1979 }), 'added 5');
  assert.equal(became([heat], { title: 'Alien', year: 1979 }), 'added 8');
});

test('the director tells films apart when title and year are the same', () => {
  const two = [heat, { movieId: 9, title: 'Heat', year: 1995, director: 'Jane Roe' }];
  assert.equal(became(two, { title: 'Heat', year: 1995, director: 'Roe Jane', votes: 1 }), 'updated 9');
  assert.equal(became(two, { title: 'Heat', year: 1995, director: 'Ann Lee, Michael Mann', votes: 1 }), 'updated 7');
  assert.equal(became(two, { title: 'Heat', year: 1995, director: 'Nobody Else' }), 'added 10');
  assert.match(became(two, { title: 'Heat', year: 1995 }), /^refused: several films .* add a director/);
  assert.equal(became(two, { movieId: 9, title: 'Heat', year: 1995, votes: 1 }), 'updated 9');
  assert.equal(became([{ movieId: 9, title: 'Heat', year: 1995 }], { ...heat, movieId: 7 }), 'updated 9');
});

test('films of a file that differ only in their ids are separate films', () => {
  assert.equal(became([heat], { ...heat, movieId: 8, another: true }), 'added 8');
  assert.equal(became([heat, { ...heat, movieId: 8 }], { ...heat, movieId: 8, votes: 1, another: true }), 'updated 8');
  const alien = { movieId: 8, title: 'Alien', year: 1979 };
  assert.match(became([heat, alien], { ...heat, movieId: 8, another: true }), /the id 8 belongs to “Alien” \(1979\)/);
});

test('a film without a year matches one with a year only if the director is the same', () => {
  assert.equal(became([heat], { title: 'Heat', director: 'Michael Mann', votes: 5 }), 'updated 7');
  assert.equal(became([heat], { title: 'Heat' }), 'added 8');
  assert.equal(became([{ ...heat, year: null }], { ...heat, movieId: 1 }), 'updated 7');
  assert.equal(became([{ movieId: 7, title: 'Reel' }], { title: 'Reel' }), 'unchanged 7');
});

test('a row matches by an alternative title, and the main title stays', () => {
  const beautiful = { movieId: 4, title: 'Life Is Beautiful', alternativeTitles: ['La vita è bella'], year: 1997 };
  const found = decide([beautiful], { title: 'La vita e bella', year: 1997, rating: 8.6 });
  assert.ok('state' in found);
  assert.deepEqual(
    [found.movieId, found.state.title, found.state.alternativeTitles, found.state.rating],
    [4, 'Life Is Beautiful', ['La vita è bella'], 8.6],
  );
  const row = { title: 'Vita bella', alternativeTitles: ['Life is beautiful'], year: 1997 };
  const other = decide([beautiful], row);
  assert.ok('state' in other);
  assert.deepEqual([other.movieId, other.state.alternativeTitles], [4, ['La vita è bella', 'Vita bella']]);
});

test('fields unknown to the file keep their values, and --fill changes no known field', () => {
  const bare = { title: 'Heat', year: 1995 };
  assert.equal(became([{ ...heat, genres: ['Crime'] }], bare), 'unchanged 7');
  const row = { ...bare, rating: 5, votes: 10, genres: ['Drama'], director: 'Michael Mann' };
  const updated = decide([{ ...heat, genres: ['Crime'] }], row);
  assert.ok('state' in updated);
  assert.deepEqual([updated.state.rating, updated.state.votes, updated.state.genres], [5, 10, ['Drama']]);
  const filled = decide([{ ...heat, genres: ['Crime'] }], row, fill);
  assert.ok('state' in filled);
  assert.deepEqual([filled.state.rating, filled.state.votes, filled.state.genres], [8.3, 10, ['Crime']]);
  assert.equal(became([heat], { title: 'HEAT', year: 1995, rating: 1 }, fill), 'unchanged 7');
});

test('--keep-ids refuses rows that would need another id', () => {
  assert.equal(became([heat], heat, keep), 'unchanged 7');
  assert.equal(became([heat], { movieId: 8, title: 'Alien', year: 1979 }, keep), 'added 8');
  assert.match(became([heat], { movieId: 7, title: 'Alien', year: 1979 }, keep), /the id 7 belongs to “Heat” \(1995\)/);
  assert.match(became([heat], { ...heat, movieId: 8 }, keep), /in the catalogue already, with the id 7/);
  assert.match(became([heat], { title: 'Alien', year: 1979 }, keep), /has no id/);
});

test('--replace replaces all fields of a movie, including the title', () => {
  const replaced = decide([heat], { movieId: 7, title: 'Alien', year: 1979 }, replace);
  assert.ok('state' in replaced);
  assert.deepEqual([replaced.outcome, replaced.movieId, replaced.state.rating], ['updated', 7, null]);
  assert.equal(became([heat], heat, replace), 'unchanged 7');
  assert.equal(became([heat], { title: 'Heat', year: 1995, director: 'Michael Mann' }, replace), 'updated 7');
  assert.equal(became([heat], { movieId: 3, title: 'Alien', year: 1979 }, replace), 'added 3');
});

test('descriptions with the same title, year and a common director share an identity key', () => {
  const keys = (film: Film) => identityKeys(movieOf(film));
  assert.ok(keys({ ...heat, director: 'Ann Lee, Michael Mann' }).some((key) => keys(heat).includes(key)));
  assert.ok(!keys({ ...heat, director: 'Ann Lee' }).some((key) => keys(heat).includes(key)));
});

test('gapAfter finds unused ids between others, and highestId includes removed movies', () => {
  using movies = openMovies();
  const ids = [1, 2, 3, 5, 6, 9];
  movies.state(...ids.map((movieId) => ({ movieId, fields: movieOf({ title: `Film ${movieId}` }) })));
  assert.equal(movies.queries.highestId(), 9);
  const found: number[] = [];
  for (let id = 0; found.length < 5; found.push(id)) id = movies.queries.gapAfter(id);
  assert.deepEqual(found, [4, 7, 8, 10, 11]);
  movies.state({ movieId: 9, fields: null });
  assert.equal(movies.queries.highestId(), 9, 'the id of a removed movie is not free');
});
