/** The rankings page: films by likes, trend or rating, with bars. */
import type { FC } from 'hono/jsx';
import { movies } from '../movies/contract.ts';
import { hrefOf, Likes, Pager, Poster, Stars, useVisit } from './components.tsx';
import { type Card, rankedCards } from './films.ts';
import type { PageContext } from './visit.ts';

const criteria = ['likes', 'trending', 'rating'] as const;
type Criterion = (typeof criteria)[number];
const pageSize = 25;

export async function rankings(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  const query = c.req.query();
  const by = criteria.find((criterion) => criterion === query.by) ?? 'likes';
  const genre = query.genre?.trim().slice(0, 40).toWellFormed() || undefined;
  const cursor = query.cursor || undefined;
  const [ranked, genres] = await Promise.all([
    rankedCards(visit, { by, limit: pageSize, genre, cursor }),
    visit.part(movies.genres, {}),
  ]);
  const { texts } = visit;
  return c.render(
    <>
      <h1>{texts.rankings.title}</h1>
      <nav class="tabs" aria-label={texts.rankings.title}>
        {criteria.map((criterion) => (
          <a href={hrefOf('/rankings', { by: criterion, genre })} aria-current={criterion === by ? 'page' : undefined}>
            {texts.rankings.by[criterion]}
          </a>
        ))}
      </nav>
      <form class="filters" action="/rankings" data-auto>
        <input type="hidden" name="by" value={by} />
        <label>
          <span>{texts.rankings.genre}</span>
          <select name="genre">
            <option value="">{texts.browse.allGenres}</option>
            {(genres?.items ?? []).map((item) => (
              <option selected={item.genre === genre}>{item.genre}</option>
            ))}
          </select>
        </label>
        <button type="submit" class="button">
          {texts.rankings.show}
        </button>
      </form>
      {ranked === null ? null : <Ranked films={ranked.cards} by={by} />}
      <Pager path="/rankings" query={{ by, genre, cursor }} next={ranked?.next ?? null} />
    </>,
    { title: texts.rankings.title },
  );
}

const Ranked: FC<{ films: Card[]; by: Criterion }> = ({ films, by }) => {
  const { texts } = useVisit();
  if (films.length === 0) return <p class="empty">{texts.rankings.none}</p>;
  const barOf = (film: Card): number => (by === 'rating' ? (film.rating ?? 0) : (film.likes ?? 0));
  const most = Math.max(1, ...films.map(barOf));
  return (
    <ol class="ranked">
      {films.map((film) => (
        <li>
          <span class="place">{film.rank}</span>
          <span class="thumb">
            <Poster film={film} />
          </span>
          <div class="ranked-text">
            <a class="ranked-title" href={`/film/${film.movieId}`} dir="auto">
              {film.title}
            </a>
            <span class="quiet">{[film.year, ...film.genres.slice(0, 2)].filter(Boolean).join(' · ')}</span>
            <Bar part={by === 'rating' ? barOf(film) / 10 : barOf(film) / most} />
          </div>
          <div class="ranked-value">
            <strong>
              <Likes movieId={film.movieId} likes={film.likes ?? 0} />
            </strong>
            {film.rating === null ? null : <Stars rating={film.rating} />}
          </div>
        </li>
      ))}
    </ol>
  );
};

/** A bar that shows a share from 0 to 1. */
const Bar: FC<{ part: number }> = ({ part }) => (
  <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
    <rect class="bar-all" width="100" height="4" />
    <rect class="bar-part" width={Math.round(part * 1000) / 10} height="4" />
  </svg>
);
