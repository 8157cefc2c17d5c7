/** The page of all films, with search, filters and sorting. Its whole state is in the URL. */
import type { FC } from 'hono/jsx';
import { movies } from '../movies/contract.ts';
import { Grid, hrefOf, Pager, useVisit } from './components.tsx';
import type { Movie } from './films.ts';
import type { PageContext } from './visit.ts';

const pageSize = 36;
const sorts = ['-popularity', '-rating', '-year', 'year', 'title'] as const;
const ratings = ['9', '8', '7', '6', '5'];

type Filters = Record<'q' | 'genre' | 'year' | 'minRating' | 'sort' | 'cursor', string | undefined>;

export async function browse(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  const { texts } = visit;
  const filters = filtersOf(c.req.query());
  const { q, genre, year, minRating, cursor } = filters;
  // Search results are ordered by relevance unless another order is requested.
  const sort = sorts.find((one) => one === filters.sort) ?? (q ? undefined : '-popularity');
  const [found, genres] = await Promise.all([
    visit.part(movies.list, {
      q,
      sort,
      genre,
      year: year ? Number(year) : undefined,
      minRating: minRating ? Number(minRating) : undefined,
      cursor,
      limit: pageSize,
    }),
    visit.part(movies.genres, {}),
  ]);
  const title = q ? texts.browse.results(q) : (genre ?? texts.browse.title);
  const understood = found?.interpreted?.q;
  return c.render(
    <>
      <h1 dir="auto">{title}</h1>
      {understood ? (
        <p class="quiet" dir="auto">
          {texts.browse.understood(understood)}
        </p>
      ) : null}
      <FilterForm filters={{ ...filters, sort }} genres={(genres?.items ?? []).map((item) => item.genre)} />
      <Found films={found?.items} />
      <Pager path="/browse" query={filters} next={found?.next ?? null} />
    </>,
    { title },
  );
}

/** Returns the valid filters of a query. The catalogue would refuse the others, and a viewer could not correct that. */
function filtersOf({ q, genre, year, minRating, sort, cursor }: Record<string, string>): Filters {
  const text = (value = ''): string | undefined => value.trim().toWellFormed() || undefined;
  return {
    q: text(q?.slice(0, 1000)),
    genre: text(genre?.slice(0, 40)),
    year: /^[1-9]\d{3}$/.test(year ?? '') ? year : undefined,
    minRating: ratings.find((one) => one === minRating),
    sort: text(sort),
    cursor: text(cursor),
  };
}

const Found: FC<{ films: Movie[] | undefined }> = ({ films }) => {
  const { texts } = useVisit();
  if (films === undefined) return null;
  return films.length === 0 ? <p class="empty">{texts.browse.none}</p> : <Grid films={films} />;
};

const FilterForm: FC<{ filters: Filters; genres: string[] }> = ({ filters, genres }) => {
  const { texts } = useVisit();
  const { q, genre, year, minRating, sort } = filters;
  const all = genre && !genres.includes(genre) ? [genre, ...genres] : genres;
  const isFiltered = Boolean(genre || year || minRating);
  return (
    <form class="filters" action="/browse" aria-label={texts.browse.filters} data-auto>
      {q ? <input type="hidden" name="q" value={q} /> : null}
      <label>
        <span>{texts.browse.genre}</span>
        <select name="genre">
          <option value="">{texts.browse.allGenres}</option>
          {all.map((name) => (
            <option selected={name === genre}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        <span>{texts.browse.year}</span>
        <input
          name="year"
          inputmode="numeric"
          pattern="[0-9]{4}"
          size={5}
          value={year}
          placeholder={texts.browse.any}
        />
      </label>
      <label>
        <span>{texts.browse.minRating}</span>
        <select name="minRating">
          <option value="">{texts.browse.any}</option>
          {ratings.map((value) => (
            <option selected={value === minRating}>{value}</option>
          ))}
        </select>
      </label>
      <label>
        <span>{texts.browse.sort}</span>
        <select name="sort">
          {q ? <option value="">{texts.browse.best}</option> : null}
          {sorts.map((value) => (
            <option value={value} selected={value === sort}>
              {texts.browse.sorts[value]}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" class="button">
        {texts.browse.apply}
      </button>
      {isFiltered ? <a href={hrefOf('/browse', { q, sort })}>{texts.browse.reset}</a> : null}
    </form>
  );
};
