/** Makes answers of search results: pages of movies, how the search was understood, where each was found. Pure. */
import { decodeCursor, jsonPage, paginate } from '../../../shared/operations/cursor.ts';
import type { SortField } from '../contract.ts';
import { fold } from '../fold.ts';
import { lastOfPage, unknownLast } from '../lists.ts';
import type { Hit, Place } from './alignment.ts';
import type { Found, FoundPage } from './search.ts';
import type { Asked } from './understand.ts';

/** Returns a page as JSON. Its interpretation of the search is that of the best movie. */
export function searchAnswer({ asked, found, best, next }: FoundPage): string {
  const page = jsonPage({ items: found.map((one) => ({ document: withReason(asked, one) })), next });
  const interpreted = best && interpretation(asked, best.match.hits);
  return interpreted ? `${page.slice(0, -1)},"interpreted":${JSON.stringify(interpreted)}}` : page;
}

/** Returns a movie's JSON, with where most of the search was found if that is not the title. */
function withReason({ terms }: Asked, { document, match: { hits } }: Found): string {
  const weights = new Map<Place, { weight: number; text: string }>();
  terms.forEach(({ weight }, i) => {
    const hit = hits[i];
    if (hit) weights.set(hit.in, { weight: (weights.get(hit.in)?.weight ?? 0) + weight, text: hit.text });
  });
  const [main] = [...weights].sort((a, b) => b[1].weight - a[1].weight);
  if (!main || main[0] === 'title') return document;
  return `${document.slice(0, -1)},"found":${JSON.stringify({ in: main[0], text: main[1].text })}}`;
}

/** Returns how the terms were understood; undefined if the movie has them as they were typed. */
function interpretation({ terms }: Asked, hits: (Hit | undefined)[]) {
  const words: string[] = [];
  const ignored: string[] = [];
  const genres: string[] = [];
  let year: number | undefined;
  let changed = false;
  terms.forEach((term, i) => {
    const hit = hits[i];
    const typed = term.parts?.join(' ') ?? term.text;
    if (!hit) ignored.push(typed);
    // Decades such as "90s" are not reported as a year but left as typed.
    else if (hit.in === 'year' && term.years?.[0] === term.years?.[1]) year = Number(hit.text);
    else if (hit.in === 'genres') genres.push(...hit.text.split(', '));
    else {
      // Terms that form one word have the same hit: "thx 1138" is "thx1138".
      const joined = hits[i + 1]?.word === hit.word && hits[i + 1]?.text === hit.text;
      const corrected = hit.quality < 1 && (joined || !hit.word.startsWith(term.text));
      changed ||= corrected;
      const word = corrected ? hit.word : typed;
      if (words.at(-1) !== word || !corrected) words.push(word);
    }
  });
  if (!changed && ignored.length === 0 && genres.length === 0 && year === undefined) return undefined;
  return {
    q: words.join(' '),
    ...(year === undefined ? {} : { year }),
    ...(genres.length > 0 ? { genres: [...new Set(genres)] } : {}),
    ...(ignored.length > 0 ? { ignored } : {}),
  };
}

type Sort = SortField | `-${SortField}`;

const keys: Record<SortField, (movie: Found['movie']) => string | number> = {
  movieId: ({ movieId }) => movieId,
  title: ({ title }) => fold(title),
  year: ({ year }) => year ?? 0,
  rating: ({ rating }) => rating ?? 0,
  popularity: ({ votes }) => votes ?? 0,
};

/** Returns a sorted page. @param scope the search and its filters @throws AppError invalid for another list's cursor */
export function sortedPage(found: Found[], sort: Sort, limit: number, scope: unknown[], cursor: string | undefined) {
  const keyOf = keys[sort.replace('-', '') as SortField];
  const sign = sort.startsWith('-') ? -1 : 1;
  const placed = found.map((one) => ({ one, key: keyOf(one.movie), id: one.movie.movieId }));
  const isLast = (one: Key): number => Number(unknownLast.has(sort) && one.key === 0);
  const compare = (a: Key, b: Key): number =>
    isLast(a) - isLast(b) || sign * (a.key < b.key ? -1 : a.key > b.key ? 1 : a.id - b.id);
  placed.sort(compare);
  const name = JSON.stringify([...scope, sort]);
  const after = cursor === undefined ? undefined : decodeCursor(name, cursor, lastOfPage);
  const rest = after ? placed.filter((one) => compare({ key: after[0], id: after[1] }, one) < 0) : placed;
  const { items, next } = paginate(rest, limit, name, (last) => [last.key, last.id]);
  return { found: items.map(({ one }) => one), next };
}

interface Key {
  key: string | number;
  id: number;
}
