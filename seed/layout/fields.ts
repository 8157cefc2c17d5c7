/** Fields of a movie, and the column names that identify them. */
import type { MovieFields } from '../../services/movies/contract.ts';

/** What a column can hold. `revenue` is in dollars or in millions of dollars, which is detected later. */
export type Field =
  | Exclude<keyof MovieFields, 'revenueMillions'>
  | 'movieId'
  | 'type'
  | 'revenue'
  | 'revenueDollars'
  | 'revenueMillions';

/** Normalized column names for each field, best first. An inner list stands for several columns that are combined. */
export const columnNames: Record<Field, (string | string[])[]> = {
  movieId: ['rank', 'movieid', 'id'],
  title: ['title', 'seriestitle', 'movietitle', 'primarytitle', 'filmtitle', 'movie', 'film', 'name'],
  alternativeTitles: ['alternativetitles', 'alternativetitle', 'originaltitle'],
  genres: ['genre', 'genres', 'listedin'],
  description: ['description', 'overview', 'plot', 'synopsis', 'summary'],
  director: ['director', 'directors', 'directorname', 'directedby', 'crew'],
  actors: [
    ...['actors', 'cast', 'stars', 'starring'],
    ['star1', 'star2', 'star3', 'star4'],
    ['actor1name', 'actor2name', 'actor3name'],
  ],
  year: ['year', 'releasedyear', 'releaseyear', 'titleyear', 'startyear', 'releasedate', 'released'],
  runtimeMinutes: ['runtimeminutes', 'runtime', 'runtimemins', 'runtimemin', 'duration', 'length', 'runningtime'],
  rating: ['rating', 'imdbrating', 'imdbscore', 'voteaverage', 'averagerating', 'score'],
  votes: ['votes', 'noofvotes', 'votecount', 'numvotes', 'numvotedusers', 'imdbvotes'],
  revenue: ['revenue', 'gross', 'boxoffice', 'worldwidegross'],
  revenueDollars: ['revenuedollars', 'revenueusd', 'revenueindollars', 'grossusd'],
  revenueMillions: ['revenuemillions', 'revenueinmillions', 'revenuemillion', 'grossmillions', 'revenuemillionsusd'],
  metascore: ['metascore', 'metacritic', 'metacriticscore'],
  posterUrl: ['posterurl', 'posterlink', 'posterpath', 'poster'],
  country: ['country', 'countries', 'productioncountries'],
  language: ['language', 'languages', 'originallanguage'],
  type: ['type', 'titletype'],
};

/** Returns a column name in lower case without blanks and punctuation: `Runtime (Minutes)` → `runtimeminutes`. */
export function normalized(name: string): string {
  return name
    .toLowerCase()
    .normalize('NFKC')
    .replace(/[^\p{L}\p{N}]+/gu, '');
}

const fieldNames = new Map<string, Field>();
for (const [field, names] of Object.entries(columnNames) as [Field, (string | string[])[]][]) {
  for (const name of names.flat()) fieldNames.set(name, field);
}
for (const field of Object.keys(columnNames) as Field[]) fieldNames.set(normalized(field), field);

/** Returns the field for a word of `--map`, which is the field's own name or one of its column names. */
export function fieldOf(word: string): Field | undefined {
  return fieldNames.get(normalized(word));
}
