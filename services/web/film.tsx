/** The page of one film. */
import type { FC } from 'hono/jsx';
import { movies } from '../movies/contract.ts';
import { ranking } from '../ranking/contract.ts';
import { reminder } from '../reminder/contract.ts';
import { Facts, hrefOf, Icon, lengthOf, Poster, Problem, ratingIn, Shelf, useVisit } from './components.tsx';
import { Actions } from './film-actions.tsx';
import { filmsOf, type Movie, rankedCards } from './films.ts';
import type { PageContext } from './visit.ts';

export async function film(c: PageContext, problem?: string): Promise<Response> {
  const { visit } = c.var;
  const movieId = filmId(c);
  // Without details there is nothing to show, so an error of the catalogue becomes the error of the page.
  const movie = await visit.ask(movies.details, { movieId });
  const [director] = movie.director.split(',').map((name) => name.trim());
  const [actor] = movie.actors;
  const [genre] = movie.genres;
  const [votes, entry, byDirector, withActor, inGenre] = await Promise.all([
    // A film that was just added may not be in ranking's view yet.
    visit.part(ranking.likes, { movieId }).catch(() => ({ likes: 0, liked: false })),
    visit.userId === undefined ? null : visit.part(reminder.entry, { userId: visit.userId, movieId }),
    director ? filmsOf(visit, director, (one) => one.director.includes(director), movieId) : [],
    actor ? filmsOf(visit, actor, (one) => one.actors.includes(actor), movieId) : [],
    genre ? rankedCards(visit, { by: 'rating', genre, limit: 9 }) : null,
  ]);
  if (problem !== undefined) c.status(400);
  const { texts } = visit;
  return c.render(
    <>
      <article class="film">
        <div class="film-poster">
          <Poster film={movie} alt={texts.film.poster(movie.title)} eager />
        </div>
        <div class="film-text">
          <header class="film-head">
            <h1 class={lengthOf(movie.title)} dir="auto">
              {movie.title}
            </h1>
            <Line movie={movie} />
          </header>
          <Problem text={problem} />
          <Actions movieId={movieId} votes={votes} entry={entry} />
          <p class="lead" dir="auto">
            {movie.description}
          </p>
          <Details movie={movie} />
          {visit.is('admin') ? (
            <p>
              <a href={`/film/${movieId}/edit`}>{texts.film.edit}</a>
            </p>
          ) : null}
        </div>
      </article>
      {director ? <Shelf title={texts.film.moreBy(director)} films={byDirector} more={searchFor(director)} /> : null}
      {actor ? <Shelf title={texts.film.moreWith(actor)} films={withActor} more={searchFor(actor)} /> : null}
      {genre ? (
        <Shelf
          title={texts.film.moreIn(genre)}
          films={(inGenre?.cards ?? []).filter((one) => one.movieId !== movieId).map(({ rank: _, ...card }) => card)}
          more={hrefOf('/browse', { genre })}
        />
      ) : null}
    </>,
    { title: movie.title, description: movie.description.slice(0, 200) || movie.title },
  );
}

/** Returns the film id in the path. */
export const filmId = (c: PageContext): number => Number(c.req.param('movieId'));

const searchFor = (q: string): string => hrefOf('/browse', { q });

const Line: FC<{ movie: Movie }> = ({ movie }) => {
  const { texts } = useVisit();
  return (
    <p class="facts">
      {movie.year === null ? null : <a href={`/browse?year=${movie.year}`}>{movie.year}</a>}
      {movie.runtimeMinutes === null ? null : <span>{texts.film.minutes(movie.runtimeMinutes)}</span>}
      {movie.genres.map((genre) => (
        <a href={hrefOf('/browse', { genre })}>{genre}</a>
      ))}
    </p>
  );
};

const Details: FC<{ movie: Movie }> = ({ movie }) => {
  const { texts, language } = useVisit();
  const { rating, votes, metascore, revenueMillions } = movie;
  const rows: [string, unknown][] = [
    [texts.film.by, movie.director && <People names={movie.director.split(',')} />],
    [texts.film.with, movie.actors.length > 0 && <People names={movie.actors} />],
    [
      texts.film.rating,
      rating !== null && (
        <span class="with-icon stars">
          <Icon name="star" />
          {texts.film.ratingOf(ratingIn(language, rating), (votes ?? 0).toLocaleString(language))}
        </span>
      ),
    ],
    [texts.film.metascore, metascore !== null && metascore],
    [texts.film.revenue, revenueMillions !== null && texts.film.millions(revenueMillions)],
  ];
  return <Facts rows={rows.filter(([, value]) => value)} />;
};

const People: FC<{ names: string[] }> = ({ names }) => (
  <ul class="people">
    {names.map((name) => (
      <li>
        <a href={searchFor(name.trim())} dir="auto">
          {name.trim()}
        </a>
      </li>
    ))}
  </ul>
);
