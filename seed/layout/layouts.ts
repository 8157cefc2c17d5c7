/** Files that people have, told by their header. */
import type { Field } from './fields.ts';

export interface Layout {
  name: string;
  /** Columns that it is told by, as `normalized` gives them; each is one of several names. */
  needs: string[][];
  /** Columns whose name says another thing than it does elsewhere. */
  ignores?: string[];
  /** Whether it has no other columns than those it is told by. */
  alone?: boolean;
  /** What its revenue is in; without, the column's name or its values tell. */
  revenue?: 'dollars';
  /** What a film is in its column of types. Others are left out. */
  films?: string[];
  /** Further titles of a film stand in parentheses behind its title. */
  titlesBehind?: boolean;
  /** 0 for a number means that it is not known. */
  zeroIsUnknown?: boolean;
  /** Quotes are characters as any other. */
  unquoted?: boolean;
}

const each = (names: string): string[][] => names.split(' ').map((name) => name.split('|'));

/** The layout of our own films, and of the IMDb dataset of 2006 to 2016: these twelve, by any of their names. */
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

export const ownLayout: Layout = { name: 'Marquee, as the IMDb dataset of 2006 to 2016', needs: [] };

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
    // A certificate, such as PG-13.
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
