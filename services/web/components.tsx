/** Components that several pages share. */
import type { FC, PropsWithChildren } from 'hono/jsx';
import { useRequestContext } from 'hono/jsx-renderer';
import { type Card, posterPath } from './films.ts';
import { cached } from './formatter-cache.ts';
import type { PageEnvironment, Visit } from './visit.ts';

/** Returns the visit that the page is rendered for. */
export const useVisit = (): Visit => useRequestContext<PageEnvironment>().var.visit;

const icons = {
  home: 'M3 11.5 12 4l9 7.5M6 10v9h4.5v-5h3v5H18v-9',
  browse: 'M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z',
  rankings: 'M5 20v-7M12 20V5M19 20v-10',
  list: 'M7 4h10v16l-5-4-5 4z',
  help: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M12 16.8v.2',
  desk: 'M4 7h16v11H4zM9 7V4h6v3M4 12h16',
  status: 'M3 12h4l3-7 4 14 3-7h4',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20',
  heart: 'M12 20s-7.5-4.6-7.5-10A4.2 4.2 0 0 1 12 7.3 4.2 4.2 0 0 1 19.5 10C19.5 15.4 12 20 12 20z',
  bell: 'M6 17h12l-1.5-2v-4.5a4.5 4.5 0 0 0-9 0V15zM10 20h4',
  eye: 'M2.5 12S6 6 12 6s9.5 6 9.5 6-3.5 6-9.5 6-9.5-6-9.5-6zM12 9.3a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4z',
  star: 'm12 4 2.4 5 5.6.7-4.1 3.8 1.1 5.5-5-2.8-5 2.8 1.1-5.5L4 9.7 9.6 9z',
  user: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20c.8-4 3.8-6 7.5-6s6.7 2 7.5 6',
} as const;
export type IconName = keyof typeof icons;

export const Icon: FC<{ name: IconName }> = ({ name }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
    <path d={icons[name]} />
  </svg>
);

type Pictured = Pick<Card, 'title' | 'genres' | 'year' | 'posterUrl'>;

/** Returns the catalogue's poster URL if its origin is allowed, otherwise the path of the drawn poster. */
function posterUrlOf(film: Pictured, allowed: readonly string[]): string {
  const url = film.posterUrl;
  return url && URL.canParse(url) && allowed.includes(new URL(url).origin) ? url : posterPath(film);
}

export const Poster: FC<{ film: Pictured; alt?: string; eager?: boolean }> = ({ film, alt = '', eager = false }) => (
  <img
    class="poster"
    src={posterUrlOf(film, useVisit().imageOrigins)}
    alt={alt}
    width="300"
    height="450"
    loading={eager ? 'eager' : 'lazy'}
  />
);

/** Class of a heading: titles of more than 70 characters are set smaller. */
export const lengthOf = (title: string): string | undefined => (title.length > 70 ? 'long' : undefined);

/** A film's poster with its title and facts, linked to its page. */
export const FilmCard: FC<{ film: Card; eager?: boolean }> = ({ film, eager = false }) => (
  <article class="card">
    <a href={`/film/${film.movieId}`}>
      <Poster film={film} eager={eager} />
      {film.rank === undefined ? null : <span class="rank">{film.rank}</span>}
      <span class="card-title" dir="auto">
        {film.title}
      </span>
    </a>
    <p class="card-facts">
      {film.year === null ? null : <span>{film.year}</span>}
      {film.rating === null ? null : <Stars rating={film.rating} />}
      {film.likes ? (
        <span class="with-icon">
          <Icon name="heart" />
          <span data-likes={film.movieId}>{film.likes}</span>
        </span>
      ) : null}
    </p>
  </article>
);

/** A number of likes in words, updated live by the page's script. */
export const Likes: FC<{ movieId: number; likes: number }> = ({ movieId, likes }) => {
  const { texts } = useVisit();
  return (
    <span data-likes={movieId} data-one={texts.film.likes(1)} data-many={texts.film.likes(2)}>
      {texts.film.likes(likes)}
    </span>
  );
};

const ratingFormat = cached((language) => new Intl.NumberFormat(language, { minimumFractionDigits: 1 }));
export const ratingIn = (language: string, rating: number): string => ratingFormat(language).format(rating);

export const Stars: FC<{ rating: number }> = ({ rating }) => {
  const { language } = useVisit();
  return (
    <span class="with-icon stars">
      <Icon name="star" />
      {ratingIn(language, rating)}
    </span>
  );
};

/** A row of films that scrolls sideways if it is wider than the page. */
export const Shelf: FC<{ title: string; films: Card[]; more?: string; eager?: boolean }> = ({
  title,
  films,
  more,
  eager = false,
}) =>
  films.length === 0 ? null : (
    <section class="shelf">
      <header class="shelf-head">
        <h2 dir="auto">{title}</h2>
        {more ? (
          <a href={more}>
            {useVisit().texts.home.all}
            <span class="hidden"> – {title}</span>
          </a>
        ) : null}
      </header>
      <ul class="row">
        {films.map((film, index) => (
          <li>
            <FilmCard film={film} eager={eager && index < 6} />
          </li>
        ))}
      </ul>
    </section>
  );

/** A grid of films. */
export const Grid: FC<{ films: Card[] }> = ({ films }) => (
  <ul class="grid">
    {films.map((film, index) => (
      <li>
        <FilmCard film={film} eager={index < 6} />
      </li>
    ))}
  </ul>
);

/** A form with one button that makes a change and returns to the page that it is on. */
export const Act: FC<
  PropsWithChildren<{ to: string; class?: string; swap?: string; fields?: Record<string, string>; label?: string }>
> = ({ to, class: name = 'button', swap, fields = {}, label, children }) => (
  <form method="post" action={to} data-swap={swap}>
    <input type="hidden" name="back" value={useVisit().path} />
    {Object.entries(fields).map(([field, value]) => (
      <input type="hidden" name={field} value={value} />
    ))}
    <button type="submit" class={name} aria-label={label}>
      {children}
    </button>
  </form>
);

/** A notice that lists the services that are unavailable. */
export const Missing: FC = () => {
  const { missing, texts, path } = useVisit();
  if (missing.size === 0) return null;
  // Without both, the page has hardly any content.
  if (missing.has('movies') && missing.has('ranking')) {
    return (
      <div class="notice" role="status">
        <p>{texts.missing.most}</p>
        <p>
          <a href={path}>{texts.errors.again}</a>
        </p>
      </div>
    );
  }
  return (
    <div class="notice" role="status">
      {[...missing].map((service) => (
        <p>{texts.missing[service] ?? service}</p>
      ))}
      <p class="quiet">{texts.missing.keeps}</p>
    </div>
  );
};

/** An error message of a form. */
export const Problem: FC<{ text: string | undefined }> = ({ text }) =>
  text === undefined ? null : (
    <p class="problem" role="alert">
      {text}
    </p>
  );

/** A table that scrolls sideways if it is wider than the page. `titleId` is the id of its heading. */
export const Table: FC<PropsWithChildren<{ titleId: string; columns: string[] }>> = ({
  titleId,
  columns,
  children,
}) => (
  <section class="scroll" aria-labelledby={titleId} tabindex={0}>
    <table>
      <thead>
        <tr>
          {columns.map((name) => (
            <th scope="col">{name}</th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </section>
);

/** A list of names and values. */
export const Facts: FC<{ rows: [name: string, value: unknown][] }> = ({ rows }) => (
  <dl class="details">
    {rows.map(([name, value]) => (
      <div>
        <dt>{name}</dt>
        <dd dir="auto">{value}</dd>
      </div>
    ))}
  </dl>
);

interface Paged {
  path: string;
  query: Record<string, string | undefined>;
  next: string | null;
  /** Query parameter of the cursor, and the accessible name: set for the second list of a page. */
  name?: string;
  label?: string;
}

/** Links to the next page and the first one. The URL holds the cursor. */
export const Pager: FC<Paged> = ({ path, query, next, name = 'cursor', label }) => {
  const { texts } = useVisit();
  const { [name]: cursor, ...rest } = query;
  if (next === null && cursor === undefined) return null;
  return (
    <nav class="pager" aria-label={label ?? texts.next}>
      {cursor === undefined ? <span /> : <a href={hrefOf(path, rest)}>{texts.first}</a>}
      {next === null ? null : (
        <a class="button" rel="next" href={hrefOf(path, { ...rest, [name]: next })}>
          {texts.next}
        </a>
      )}
    </nav>
  );
};

/** Returns the path with the query parameters that have a value. */
export function hrefOf(path: string, query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
