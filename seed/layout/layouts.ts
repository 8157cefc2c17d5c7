/** Layouts of common movie files, recognized by their header. */
import type { Field } from './fields.ts';

export interface Layout {
  name: string;
  /** Columns that identify the layout, each with its possible normalized names. */
  needs: string[][];
  /** Columns to ignore because their name means something else in this layout. */
  ignores?: string[];
  /** Whether the layout has only the columns in `needs`. */
  alone?: boolean;
  /** Unit of the revenue column; if absent, the column's name or its values decide. */
  revenue?: 'dollars';
  /** Values of the type column that are films; rows of other types are skipped. */
  films?: string[];
  /** Whether alternative titles follow the title in parentheses. */
  titlesBehind?: boolean;
  /** Whether the number 0 means that the value is unknown. */
  zeroIsUnknown?: boolean;
  /** Whether quotes are ordinary characters. */
  unquoted?: boolean;
}

const each = (names: string): string[][] => names.split(' ').map((name) => name.split('|'));

/** Columns of the shipped films and of the IMDb dataset of 2006 to 2016; each may have any name of its field. */
export const ownColumns: Partial<Record<Field, string>> = {
  movieId: 'Rank',
  title: 'Title',
  genres: 'Genre',
  description: 'Description',
  director: 'Director',
  actors: 'Actors',
  year: 'Year',
  runtimeMinutes: 'Runtime (Minutes)',
  rating: 'Rating',
  votes: 'Votes',
  revenueMillions: 'Revenue (Millions)',
  metascore: 'Metascore',
};

export const ownLayout: Layout = { name: 'Marquee (IMDb dataset of 2006 to 2016)', needs: [] };

export const layouts: Layout[] = [
  {
    name: 'IMDb Top 1000',
    needs: each('seriestitle releasedyear imdbrating'),
    revenue: 'dollars',
  },
  {
    name: 'IMDb 5000',
    needs: each('movietitle directorname imdbscore titleyear'),
    revenue: 'dollars',
  },
  {
    name: 'TMDB',
    needs: each('id title originaltitle releasedate voteaverage'),
    revenue: 'dollars',
    zeroIsUnknown: true,
  },
  {
    name: 'Netflix titles',
    needs: each('showid type title listedin releaseyear'),
    // An age rating, such as PG-13.
    ignores: ['rating'],
    films: ['movie'],
  },
  {
    name: 'IMDb title.basics',
    needs: each('tconst titletype primarytitle startyear'),
    films: ['movie', 'short', 'tvmovie', 'tvshort', 'tvspecial', 'video'],
    unquoted: true,
  },
  {
    name: 'MovieLens',
    needs: each('movieid title genres'),
    alone: true,
    titlesBehind: true,
  },
];
