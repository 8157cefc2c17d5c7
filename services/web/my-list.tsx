/** The viewer's list: films to watch, and watched films. */
import type { FC, PropsWithChildren } from 'hono/jsx';
import { type ReminderEntry, reminder, type WatchedEntry } from '../reminder/contract.ts';
import { Act, Icon, Pager, Poster, useVisit } from './components.tsx';
import { detailsOf, type Movie } from './films.ts';
import type { PageContext } from './visit.ts';
import { readable } from './zone.ts';

const pageSize = 100;
const swap = '#list';

export async function myList(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  const { texts, userId } = visit;
  if (userId === undefined) return c.render(<Invitation />, { title: texts.list.title });
  const { cursor, watchedCursor } = c.req.query();
  const query = { cursor: cursor || undefined, watchedCursor: watchedCursor || undefined };
  const [list, watched] = await Promise.all([
    visit.part(reminder.list, { userId, limit: pageSize, cursor: query.cursor }),
    visit.part(reminder.watched, { userId, limit: 24, cursor: query.watchedCursor }),
  ]);
  const entries = list?.items ?? [];
  const seen = watched?.items ?? [];
  const films = await detailsOf(
    visit,
    [...entries, ...seen].map(({ movieId }) => movieId),
  );
  const filmOf = new Map(films.flatMap((film) => (film ? [[film.movieId, film] as const] : [])));
  const byTime = (a: ReminderEntry, b: ReminderEntry): number => (a.remindAt ?? '').localeCompare(b.remindAt ?? '');
  const groups: [string, ReminderEntry[]][] = [
    [texts.list.due, entries.filter(({ due }) => due)],
    [texts.list.waiting, entries.filter(({ due, remindAt }) => !due && remindAt !== null).sort(byTime)],
    [texts.list.someday, entries.filter(({ remindAt }) => remindAt === null)],
  ];
  return c.render(
    <>
      <h1>{texts.list.title}</h1>
      <div id="list" data-on="reminder">
        {list !== null && entries.length === 0 ? <p class="empty">{texts.list.empty}</p> : null}
        {groups.map(([title, items]) => (
          <Group title={title} items={items} filmOf={filmOf} />
        ))}
        <Pager path="/my-list" query={query} next={list?.next ?? null} />
        {watched === null ? null : <Seen items={seen} filmOf={filmOf} />}
        <Pager
          path="/my-list"
          query={query}
          next={watched?.next ?? null}
          name="watchedCursor"
          label={texts.list.watched}
        />
      </div>
      <p class="notify" data-notify={texts.list.notify} data-notified={texts.list.notified}></p>
    </>,
    { title: texts.list.title },
  );
}

const Invitation: FC = () => {
  const { texts } = useVisit();
  return (
    <>
      <h1>{texts.list.title}</h1>
      <p class="empty">{texts.list.signIn}</p>
      <a class="button strong" href="/sign-in?next=/my-list">
        {texts.signIn.title}
      </a>
    </>
  );
};

type Films = ReadonlyMap<number, Movie>;

const Group: FC<{ title: string; items: ReminderEntry[]; filmOf: Films }> = ({ title, items, filmOf }) => {
  const visit = useVisit();
  const { texts } = visit;
  if (items.length === 0) return null;
  return (
    <section class="group">
      <h2>{title}</h2>
      <ul class="entries">
        {items.map((entry) => (
          <Entry movieId={entry.movieId} title={entry.title} film={filmOf.get(entry.movieId)}>
            {entry.remindAt === null ? null : (
              <span class={entry.due ? 'with-icon due' : 'with-icon'}>
                <Icon name="bell" />
                {entry.due
                  ? texts.list.since(readable(entry.dueAt ?? entry.remindAt, visit))
                  : readable(entry.remindAt, visit)}
              </span>
            )}
            <div class="entry-acts">
              <Act to={`/film/${entry.movieId}/watched`} swap={swap}>
                <Icon name="eye" />
                {texts.film.watch}
              </Act>
              <Act to={`/film/${entry.movieId}/forget`} class="link" swap={swap}>
                {texts.film.remove}
              </Act>
            </div>
          </Entry>
        ))}
      </ul>
    </section>
  );
};

const Seen: FC<{ items: WatchedEntry[]; filmOf: Films }> = ({ items, filmOf }) => {
  const visit = useVisit();
  const { texts } = visit;
  return (
    <section class="group">
      <h2>{texts.list.watched}</h2>
      {items.length === 0 ? <p class="quiet">{texts.list.nothingWatched}</p> : null}
      <ul class="entries">
        {items.map(({ movieId, title, watchedAt }) => (
          <Entry movieId={movieId} title={title} film={filmOf.get(movieId)}>
            <span class="quiet">{readable(watchedAt, visit)}</span>
            <div class="entry-acts">
              <Act to={`/film/${movieId}/unwatched`} class="link" swap={swap}>
                {texts.film.unwatch}
              </Act>
            </div>
          </Entry>
        ))}
      </ul>
    </section>
  );
};

const Entry: FC<PropsWithChildren<{ movieId: number; title: string | null; film: Movie | undefined }>> = ({
  movieId,
  title,
  film,
  children,
}) => {
  const { texts } = useVisit();
  const shown = film ?? { title: title ?? texts.list.gone, genres: [], year: null };
  return (
    <li>
      <span class="thumb">
        <Poster film={shown} />
      </span>
      <div>
        <a class="ranked-title" href={`/film/${movieId}`} dir="auto">
          {shown.title}
        </a>
        {children}
      </div>
    </li>
  );
};
