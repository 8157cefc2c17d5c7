/** What is known of a movie, and the names that columns have for it. */
import type { MovieFields } from '../../services/movies/contract.ts';

/** A field of a movie, or what a column can be else. `revenue` is in dollars or in millions, which has to be found out. */
export type Field =
  | Exclude<keyof MovieFields, 'revenueMillions'>
  | 'movieId'
  | 'type'
  | 'revenue'
  | 'revenueDollars'
  | 'revenueMillions';

/** Names of columns for each field, as `normalized` gives them, best first. A list of names is several columns. */
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

/** A name of a column without case, blanks and signs: `Runtime (Minutes)` → `runtimeminutes`. */
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

/** The field that a word of `--map` means: by its own name, or one that columns have for it. */
export function fieldOf(word: string): Field | undefined {
  return fieldNames.get(normalized(word));
}
