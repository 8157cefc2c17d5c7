import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type Filters, factsOf, filterExpressions } from './facts.ts';

test('filter expressions find movies that match the filters, and few others', () => {
  const words = new Set(factsOf({ genres: ['Drama', 'Sci-Fi'], year: 1985, rating: 7.5 }));
  const has = (filters: Filters): boolean =>
    filterExpressions(filters).every((part) =>
      [...part.matchAll(/"([^"]+)"/g)].some(([, word]) => words.has(word as string)),
    );
  for (const genre of [undefined, 'Drama', 'sci-fi']) {
    for (const year of [undefined, 1985]) {
      for (const minRating of [undefined, 0, 7, 7.5]) {
        const filters = { genre, year, minRating };
        assert.ok(has(filters), JSON.stringify(filters));
        if (genre) assert.ok(!has({ ...filters, genre: 'Comedy' }), JSON.stringify(filters));
        if (year) assert.ok(!has({ ...filters, year: 1986 }), JSON.stringify(filters));
        if (minRating) assert.ok(!has({ ...filters, minRating: 8 }), JSON.stringify(filters));
      }
    }
  }
  assert.ok(new Set(factsOf({ genres: [], year: null, rating: null })).has('§0'));
});
