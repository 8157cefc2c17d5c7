import assert from 'node:assert/strict';
import { test } from 'vitest';
import { findForm } from '../csv/form.ts';
import { CsvReader, type CsvRow } from '../csv/rows.ts';
import { UnusableFile } from '../unusable-file.ts';
import { readHeader, readMap } from './header.ts';
import { type Movie, RowReader, type RowResult } from './row.ts';

interface Read {
  layout: string;
  results: RowResult[];
  movies: Partial<Movie>[];
  unit: string | undefined;
}

/** Reads a text as a file is read. */
function read(text: string, map?: string): Read {
  const { delimiter } = findForm(text);
  const reader = new CsvReader({ delimiter, quoted: true });
  reader.add(text);
  reader.end();
  const header = readHeader(reader.next()?.fields ?? [], { delimiter, ...(map ? { map: readMap([map]) } : {}) });
  if (header.layout.unquoted) reader.withoutQuotes();
  const rows: CsvRow[] = [];
  for (let row = reader.next(); row; row = reader.next()) rows.push(row);
  const rowReader = new RowReader(header, delimiter, rows);
  const results = rows.map((row) => rowReader.read(row));
  const movies = results.flatMap((result) => ('movie' in result ? [known(result.movie)] : []));
  return { layout: header.layout.name, results, movies, unit: rowReader.revenueUnit };
}

/** What is known of a movie. */
function known(movie: Movie): Partial<Movie> {
  const entries = Object.entries(movie).filter(([, value]) => value !== null && value.length !== 0);
  return Object.fromEntries(entries);
}

const names =
  'Rank,Title,Genre,Description,Director,Actors,Year,Runtime (Minutes),Rating,Votes,Revenue (Millions),Metascore';
const alien =
  '7,Alien,"Horror,Sci-Fi",A crew hears a signal.,Ridley Scott,"Sigourney Weaver, Tom Skerritt",1979,117,8.5,900000,104.93,89';
const alienMovie = {
  movieId: 7,
  title: 'Alien',
  genres: ['Horror', 'Sci-Fi'],
  description: 'A crew hears a signal.',
  director: 'Ridley Scott',
  actors: ['Sigourney Weaver', 'Tom Skerritt'],
  year: 1979,
  runtimeMinutes: 117,
  rating: 8.5,
  votes: 900_000,
  revenueMillions: 104.93,
  metascore: 89,
};

/** The row with another value in a column. */
const changed = (column: string, value: string): string => {
  const fields = ['7', 'Alien', '"Horror,Sci-Fi"', 'A crew.', 'Ridley Scott', 'Tom Skerritt', '1979', '117', '8.5'];
  fields.push('900000', '104.93', '89');
  fields[names.split(',').indexOf(column)] = value;
  return `${names}\n${fields.join(',')}\n`;
};
const problems = (text: string) => {
  const [result] = read(text).results;
  return result && 'problems' in result ? result.problems : [];
};
const warnings = (text: string) => {
  const [result] = read(text).results;
  return result && 'warnings' in result ? result.warnings : [];
};

test('our own columns are found in any order and case, with others between them', () => {
  assert.deepEqual(read(`${names}\n${alien}\n`).movies, [alienMovie]);
  const loose = names
    .toUpperCase()
    .replaceAll(',', ' ,')
    .replace('RUNTIME (MINUTES)', 'runtime')
    .replace('GENRE', 'Genres');
  assert.deepEqual(read(`,${loose},Extra,\n0,${alien},x,\n`).movies, [alienMovie]);
  const more = 'Alternative Titles,Country,Language,Poster URL';
  assert.deepEqual(read(`${names},${more}\n${alien},Alien 1|alien,"UK, US",English,https://x.org/a.png\n`).movies, [
    {
      ...alienMovie,
      alternativeTitles: ['Alien 1'],
      country: 'UK, US',
      language: 'English',
      posterUrl: 'https://x.org/a.png',
    },
  ]);
});

test('what revenue is in is told by the column: its name, or most of its values', () => {
  const revenue = (name: string, ...values: string[]) => {
    const rows = values.map((value, i) => alien.replace('104.93', value).replace(/^7/, String(i + 1)));
    const text = `${names.replace('Revenue (Millions)', name)}\n${rows.join('\n')}\n`;
    const { movies, unit } = read(text);
    return [unit, ...movies.map((movie) => movie.revenueMillions)];
  };
  assert.deepEqual(revenue('Revenue', '104.93', '936', '$2B'), ['millions', 104.93, 936, 2000]);
  assert.deepEqual(revenue('Revenue', '104930000', '9000', '936000000'), ['dollars', 104.93, 0.009, 936]);
  assert.deepEqual(revenue('Gross', '"104,930,000"', '"$9,000,000"'), ['dollars', 104.93, 9]);
  assert.deepEqual(revenue('Revenue (Dollars)', '9000'), ['dollars', 0.009]);
  assert.deepEqual(revenue('Revenue (Millions)', '104.93', '104930000', '$1.5M'), ['millions', 104.93, 1.5]);
});

test('a value that says nothing is left out and told; one that cannot be true refuses its row', () => {
  assert.deepEqual(warnings(changed('Year', 'MCMLXXIX')), [
    { column: 'Year', reason: '"MCMLXXIX" is not a year, so it is left out' },
  ]);
  assert.equal(warnings(changed('Runtime (Minutes)', '2 Seasons')).length, 1);
  for (const [column, value, reason] of [
    ['Rank', 'abc', /"abc" is not a whole number/],
    ['Rank', '0', /from 1 to 2147483647/],
    ['Rank', '2147483648', /from 1 to 2147483647/],
    ['Rank', '1.5', /not a whole number/],
    ['Rank', '1e3', /not a whole number/],
    ['Title', ' ', /is missing/],
    ['Title', String.raw`\N`, /is missing/],
    ['Rating', '11', /./],
    ['Rating', '"7,5"', /could be 7.5 or 75/],
    ['Metascore', '1.5', /./],
    ['Votes', '-3', /./],
    ['Year', '２００１', /other digits/],
    ['Year', '3000', /./],
    ['Revenue (Millions)', '10001', /above 10,000 millions/],
  ] as const) {
    const [problem, ...more] = problems(changed(column, value));
    assert.deepEqual([problem?.column, more], [column, []], value);
    assert.match(problem?.reason ?? '', reason, value);
  }
  const several = `${names}\n7, ,X,,,,PG,100,11,-3,1,1.5\n`;
  assert.deepEqual(
    problems(several)
      .map(({ column }) => column)
      .sort(),
    ['Metascore', 'Rating', 'Title', 'Votes', 'Year'],
  );
});

test('films that are called Unknown or None are films, and a row without an id has none', () => {
  for (const title of ['Unknown', 'None', 'Null', 'NaN'])
    assert.equal(read(changed('Title', title)).movies[0]?.title, title);
  for (const id of ['', '-', 'N/A']) assert.equal(read(changed('Rank', id)).movies[0]?.movieId, undefined);
  assert.equal(read(changed('Rank', '7.0')).movies[0]?.movieId, 7);
});

test('a control character or a lost sign refuses the row, wherever it is', () => {
  for (const column of ['Rank', 'Title', 'Description', 'Votes']) {
    for (const sign of ['\0', '\x07', '\x1b', '\x7f', '\x85', '\ufffd']) {
      const [problem] = problems(changed(column, `x${sign}`));
      assert.equal(problem?.column, '(row)');
      assert.match(problem?.reason ?? '', /control character U\+00|U\+FFFD/);
    }
  }
  assert.match(problems(`${names},Note\n${alien},a\x00b\n`)[0]?.reason ?? '', /U\+0000/);
  assert.equal(read(changed('Description', '"two\r\n\tlines"')).movies.length, 1);
});

test('a decimal comma is one where columns are parted by semicolons', () => {
  const text = `${names.replaceAll(',', ';')}\n7;Alien;Horror;x;A;B;1979;117;8,5;1.234.567;104,93;89\n`;
  const [movie] = read(text).movies;
  assert.deepEqual([movie?.rating, movie?.votes, movie?.revenueMillions], [8.5, 1_234_567, 104.93]);
});

test('the title gives the year where no column does', () => {
  assert.deepEqual(
    [changed('Title', 'Aliens (1986)').replace(',1979,', ',,')]
      .map((text) => read(text).movies[0])
      .map((one) => [one?.title, one?.year]),
    [['Aliens', 1986]],
  );
  const [movie] = read(changed('Title', 'Alien (1980)')).movies;
  assert.deepEqual([movie?.title, movie?.year], ['Alien', 1979]);
  assert.match(warnings(changed('Title', 'Alien (1980)'))[0]?.reason ?? '', /says 1980; the year 1979 is kept/);
});

test('IMDb Top 1000', () => {
  const { layout, movies } = read(
    'Poster_Link,Series_Title,Released_Year,Certificate,Runtime,Genre,IMDB_Rating,Overview,Meta_score,Director,Star1,' +
      'Star2,Star3,Star4,No_of_Votes,Gross\n' +
      'https://example.org/a.jpg,Ferry,1994,A,142 min,"Drama, Crime",8.1,Two.,80,Ann Lee,Bo,Cy,Di,Ed,"2,343,110","28,341,469"\n',
  );
  assert.equal(layout, 'IMDb Top 1000');
  assert.deepEqual(movies, [
    {
      title: 'Ferry',
      genres: ['Drama', 'Crime'],
      description: 'Two.',
      director: 'Ann Lee',
      actors: ['Bo', 'Cy', 'Di', 'Ed'],
      year: 1994,
      runtimeMinutes: 142,
      rating: 8.1,
      votes: 2_343_110,
      revenueMillions: 28.341469,
      metascore: 80,
      posterUrl: 'https://example.org/a.jpg',
    },
  ]);
});

test('TMDB 5000 and movies_metadata', () => {
  const { layout, movies } = read(
    'adult,belongs_to_collection,budget,genres,homepage,id,imdb_id,original_language,original_title,overview,popularity,' +
      'poster_path,production_companies,production_countries,release_date,revenue,runtime,spoken_languages,status,tagline,' +
      'title,video,vote_average,vote_count\n' +
      `False,,0,"[{'id': 16, 'name': 'Animation'}]",,862,tt1,de,Der Turm,Ships.,1.5,/a.jpg,[],` +
      `"[{'iso_3166_1': 'AT', 'name': 'Austria'}]",2009-12-10,2787965087,162.0,[],Released,,The Tower,False,7.2,11800.0\n` +
      'False,,0,[],,863,tt2,en,Ferry,,0.1,,[],[],,0,0.0,[],Released,,Ferry,False,0.0,0\n',
  );
  assert.equal(layout, 'TMDB');
  assert.deepEqual(movies, [
    {
      movieId: 862,
      title: 'The Tower',
      genres: ['Animation'],
      description: 'Ships.',
      year: 2009,
      runtimeMinutes: 162,
      rating: 7.2,
      votes: 11_800,
      revenueMillions: 2787.965087,
      alternativeTitles: ['Der Turm'],
      posterUrl: 'https://image.tmdb.org/t/p/w500/a.jpg',
      country: 'Austria',
      language: 'de',
    },
    { movieId: 863, title: 'Ferry', votes: 0, language: 'en' },
  ]);
});

test('IMDb 5000', () => {
  const { layout, movies } = read(
    'color,director_name,num_critic_for_reviews,duration,director_facebook_likes,actor_3_facebook_likes,actor_2_name,' +
      'actor_1_facebook_likes,gross,genres,actor_1_name,movie_title,num_voted_users,cast_total_facebook_likes,' +
      'actor_3_name,movie_imdb_link,language,country,budget,title_year,imdb_score\n' +
      'Color,Ann Lee,723,178,0,855,Cy Moe,1000,760505847,Action|Sci-Fi,Bo Li,Avenue\u00a0,886204,4834,Di Noe,' +
      'http://x,English,USA,237000000,2009,7.9\n',
  );
  assert.equal(layout, 'IMDb 5000');
  assert.deepEqual(movies, [
    {
      title: 'Avenue',
      genres: ['Action', 'Sci-Fi'],
      director: 'Ann Lee',
      actors: ['Bo Li', 'Cy Moe', 'Di Noe'],
      year: 2009,
      runtimeMinutes: 178,
      rating: 7.9,
      votes: 886_204,
      revenueMillions: 760.505847,
      country: 'USA',
      language: 'English',
    },
  ]);
});

test('Netflix titles, title.basics and MovieLens', () => {
  const netflix = read(
    'show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description\n' +
      's1,Movie,Ferry,Ann Lee,"Bo, Cy",Austria,"September 25, 2021",2020,PG-13,90 min,"Dramas, International Movies",Two.\n' +
      's2,TV Show,Lights,,,,"September 24, 2021",2021,TV-MA,2 Seasons,TV Dramas,A town.\n',
  );
  assert.equal(netflix.layout, 'Netflix titles');
  assert.deepEqual(netflix.results[1], { otherType: 'TV Show' });
  assert.deepEqual(netflix.movies, [
    {
      title: 'Ferry',
      genres: ['Dramas', 'International Movies'],
      description: 'Two.',
      director: 'Ann Lee',
      actors: ['Bo', 'Cy'],
      year: 2020,
      runtimeMinutes: 90,
      country: 'Austria',
    },
  ]);
  const basics = read(
    'tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n' +
      'tt1\tmovie\t"Ferry" and others\tDie "Fähre\t0\t1994\t\\N\t101\tAdventure,Drama\n' +
      'tt2\ttvEpisode\tPilot\tPilot\t0\t2001\t\\N\t22\tComedy\n',
  );
  assert.equal(basics.layout, 'IMDb title.basics');
  assert.deepEqual(basics.results[1], { otherType: 'tvEpisode' });
  assert.deepEqual(basics.movies, [
    {
      title: '"Ferry" and others',
      genres: ['Adventure', 'Drama'],
      year: 1994,
      runtimeMinutes: 101,
      alternativeTitles: ['Die "Fähre'],
    },
  ]);
  const lens = read(
    'movieId,title,genres\n2,"Lighthouse, The (Leuchtturm, Der) (2004)",Drama|War\n3,Reel,(no genres listed)\n',
  );
  assert.equal(lens.layout, 'MovieLens');
  assert.deepEqual(lens.movies, [
    {
      movieId: 2,
      title: 'The Lighthouse',
      genres: ['Drama', 'War'],
      year: 2004,
      alternativeTitles: ['Der Leuchtturm'],
    },
    { movieId: 3, title: 'Reel' },
  ]);
});

test('--map says what columns are', () => {
  const text = 'Name of it;When;Kind;Stars A;Stars B;Earned\nFerry;1994;Drama/War;Bo;Cy;28.341.469\n';
  const map = 'title=Name of it,year=when,genre=KIND,actors=Stars A+Stars B,revenueDollars=Earned';
  assert.deepEqual(read(text, map).movies, [
    { title: 'Ferry', year: 1994, genres: ['Drama', 'War'], actors: ['Bo', 'Cy'], revenueMillions: 28.341469 },
  ]);
  assert.equal(read(`${names}\n${alien}\n`, 'rating=').movies[0]?.rating, undefined);
  assert.equal(read(`${names}\n${alien}\n`, 'director=Actors').movies[0]?.director, 'Sigourney Weaver, Tom Skerritt');
  assert.throws(() => readMap(['name']), /FIELD=COLUMN, and a field is movieId, title/);
  assert.throws(() => readMap(['colour=x']), /colour=x/);
  assert.throws(() => readMap(['title=a', 'title=b']), /title twice/);
  assert.throws(() => read(text, 'title=Nothing'), /names the column Nothing, and the file has Name of it, When/);
  assert.throws(() => read(text, 'year=When'), /no column is the title/);
});

test('a header that fits nothing is refused with what it has and a --map to begin with', () => {
  const refusal = (header: string): string => {
    try {
      read(`${header}\n`);
    } catch (error) {
      assert.ok(error instanceof UnusableFile);
      return error.message;
    }
    return '';
  };
  assert.match(
    refusal('Rank;Title;Genre'),
    /3 columns, parted by ";": Rank, Title, Genre\n.*--map movieId=Rank,title=Title,genres=Genre$/s,
  );
  assert.match(refusal("Film's name,Jahr"), /--map 'title=Film'\\''s name'$/);
  assert.match(refusal(names.replace(',Year', '')), /For ours it lacks the columns Year\n.*--map .*title=Title/s);
  assert.match(refusal(`${names},title`), /the column Title twice|the column title twice/);
  assert.match(refusal('a\tb'), /parted by tab: a, b/);
  assert.match(refusal('\x01\x02'), /not text/);
});
