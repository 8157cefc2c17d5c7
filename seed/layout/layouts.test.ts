/** Headers of known layouts, headers with `--map`, and unknown headers. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { UnusableFile } from '../unusable-file.ts';
import { readMap } from './header.ts';
import { alien, names, read } from './testing.ts';

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

test('--map names the columns of fields', () => {
  const text = 'Name of it;When;Kind;Stars A;Stars B;Earned\nFerry;1994;Drama/War;Bo;Cy;28.341.469\n';
  const map = 'title=Name of it,year=when,genre=KIND,actors=Stars A+Stars B,revenueDollars=Earned';
  assert.deepEqual(read(text, map).movies, [
    { title: 'Ferry', year: 1994, genres: ['Drama', 'War'], actors: ['Bo', 'Cy'], revenueMillions: 28.341469 },
  ]);
  // Of several columns, empty and unknown values are skipped.
  assert.equal(read('A,B,Y,Z\nFerry,,,1994\n', 'title=A,description=B+A,year=Y+Z').movies[0]?.year, 1994);
  assert.equal(read('A,B\nFerry,N/A\n', 'title=A,description=A+B').movies[0]?.description, 'Ferry');
  assert.equal(read(`${names}\n${alien}\n`, 'rating=').movies[0]?.rating, undefined);
  assert.equal(read(`${names}\n${alien}\n`, 'director=Actors').movies[0]?.director, 'Sigourney Weaver, Tom Skerritt');
  assert.throws(() => readMap(['name']), /expected FIELD=COLUMN, where FIELD is movieId, title/);
  assert.throws(() => readMap(['colour=x']), /colour=x/);
  assert.throws(() => readMap(['title=a', 'title=b']), /title twice/);
  assert.throws(() => readMap(['revenueMillions=a,revenueDollars=b']), /revenue twice/);
  assert.throws(() => readMap(['type=a']), /--map type=a: expected FIELD=COLUMN/);
  assert.throws(() => read(text, 'title=Nothing'), /names the column Nothing, but the file has Name of it, When/);
  assert.throws(() => read(text, 'year=When'), /no title column/);
});

test('refuses an unknown header with its columns and a suggested --map', () => {
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
    /3 columns separated by ";": Rank, Title, Genre\n.*--map movieId=Rank,title=Title,genres=Genre$/s,
  );
  assert.match(refusal("Film's name,Jahr"), /--map 'title=Film'\\''s name'$/);
  assert.match(refusal(names.replace(',Year', '')), /Marquee's own layout also has Year\n.*--map .*title=Title/s);
  assert.match(refusal(`${names},title`), /the column Title twice|the column title twice/);
  assert.match(refusal('a\tb'), /separated by tab: a, b\nIf this line does not name the columns, add one that does/);
  assert.doesNotMatch(refusal('a\ttitle'), /If this line/);
  assert.match(refusal('\x01\x02'), /not text/);
});
