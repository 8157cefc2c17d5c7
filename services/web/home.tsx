/** The start page. */
import type { FC } from 'hono/jsx';
import { movies } from '../movies/contract.ts';
import { reminder } from '../reminder/contract.ts';
import { hrefOf, Icon, lengthOf, Poster, Shelf, Stars, useVisit } from './components.tsx';
import { type Card, detailsOf, type Movie, rankedCards } from './films.ts';
import type { PageContext, Visit } from './visit.ts';

/** Genres with a shelf of their own, by size. The largest has none, because its best films are the best of all. */
const genreShelves = { from: 1, to: 4 };
/** Films per shelf: as many as a wide screen shows. Each costs the page 0.1 ms. */
const shelfSize = 8;

export async function home(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  const [trending, best, newest, genres, list] = await Promise.all([
    rankedCards(visit, { by: 'trending', limit: shelfSize }),
    rankedCards(visit, { by: 'rating', limit: shelfSize }),
    visit.part(movies.list, { sort: '-year', limit: shelfSize }),
    visit.part(movies.genres, {}),
    listOf(visit),
  ]);
  const popular = [...(genres?.items ?? [])].sort((a, b) => b.movies - a.movies);
  const byGenre = await Promise.all(
    popular.slice(genreShelves.from, genreShelves.to).map(async ({ genre }) => ({
      genre,
      films: (await rankedCards(visit, { by: 'rating', genre, limit: shelfSize }))?.cards ?? [],
    })),
  );
  // Until a film has likes, the trend is the same as the order by rating.
  const trend = trending?.cards.some(({ likes }) => likes) ? trending.cards : [];
  const [first] = [...trend, ...(best?.cards ?? [])];
  const hero = first === undefined ? undefined : (await detailsOf(visit, [first.movieId]))[0];
  const isEmpty = best?.cards.length === 0;
  return c.render(
    <>
      <h1 class="hidden">{visit.texts.brand}</h1>
      {isEmpty ? <p class="empty">{visit.texts.home.empty}</p> : null}
      {hero ? <Hero film={hero} likes={first?.likes ?? null} /> : null}
      <Shelf title={visit.texts.home.continue} films={list} more="/my-list" />
      <Shelf title={visit.texts.home.trending} films={trend} more="/rankings?by=trending" eager />
      <Shelf
        title={visit.texts.home.best}
        films={best?.cards ?? []}
        more="/rankings?by=rating"
        eager={trend.length === 0}
      />
      <Shelf title={visit.texts.home.newest} films={newest?.items ?? []} more="/browse?sort=-year" />
      {byGenre.map(({ genre, films }) => (
        <Shelf
          title={visit.texts.home.bestOf(genre)}
          films={films}
          more={hrefOf('/browse', { genre, sort: '-rating' })}
        />
      ))}
      <Genres names={popular.map(({ genre }) => genre)} />
    </>,
    { title: visit.texts.brand },
  );
}

/** Returns the viewer's list, with due reminders first. */
async function listOf(visit: Visit): Promise<Card[]> {
  if (visit.userId === undefined) return [];
  const list = await visit.part(reminder.list, { userId: visit.userId, limit: shelfSize });
  const items = [...(list?.items ?? [])].sort((a, b) => Number(b.due) - Number(a.due));
  const details = await detailsOf(
    visit,
    items.map(({ movieId }) => movieId),
  );
  return items.map(({ movieId, title }, index) => ({
    movieId,
    genres: [],
    year: null,
    rating: null,
    ...details[index],
    title: details[index]?.title ?? title ?? visit.texts.list.gone,
  }));
}

const Hero: FC<{ film: Movie; likes: number | null }> = ({ film, likes }) => {
  const { texts } = useVisit();
  return (
    <section class="hero">
      <span class="hero-poster">
        <Poster film={film} eager />
      </span>
      <div class="hero-text">
        <p class="eyebrow">{texts.home.hero}</p>
        <h2 class={`hero-title ${lengthOf(film.title) ?? ''}`} dir="auto">
          <a href={`/film/${film.movieId}`}>{film.title}</a>
        </h2>
        <p class="facts">
          {film.year === null ? null : <span>{film.year}</span>}
          {film.genres.slice(0, 3).map((genre) => (
            <span>{genre}</span>
          ))}
          {film.rating === null ? null : <Stars rating={film.rating} />}
          {likes === null ? null : (
            <span class="with-icon">
              <Icon name="heart" />
              <span data-likes={film.movieId}>{likes}</span>
            </span>
          )}
        </p>
        <p class="lead" dir="auto">
          {film.description}
        </p>
        <a class="button strong" href={`/film/${film.movieId}`}>
          {texts.home.details}
        </a>
      </div>
    </section>
  );
};

const Genres: FC<{ names: string[] }> = ({ names }) => {
  const { texts } = useVisit();
  if (names.length === 0) return null;
  return (
    <section class="shelf">
      <h2>{texts.home.genres}</h2>
      <ul class="chips">
        {names.map((genre) => (
          <li>
            <a href={hrefOf('/browse', { genre })}>{genre}</a>
          </li>
        ))}
      </ul>
    </section>
  );
};
