/** What a viewer can do with a film: like it, be reminded of it, and note that it was watched. */
import type { FC } from 'hono/jsx';
import { AppError } from '../../shared/operations/errors.ts';
import { ranking } from '../ranking/contract.ts';
import { reminder } from '../reminder/contract.ts';
import { Act, Icon, Likes, useVisit } from './components.tsx';
import { type Entry, film, filmId } from './film.tsx';
import { goBack } from './go-back.ts';
import type { PageContext } from './visit.ts';
import { instantOf, localOf, type Preset, presetTime, readable } from './zone.ts';

const swap = '#actions';
const presets: Preset[] = ['tonight', 'tomorrow', 'weekend', 'week'];

interface Votes {
  likes: number;
  liked: boolean | null;
}

export const Actions: FC<{ movieId: number; votes: Votes | null; entry: Entry | null }> = ({
  movieId,
  votes,
  entry,
}) => (
  <div class="actions" id="actions">
    <LikeButton movieId={movieId} votes={votes} />
    <Remind movieId={movieId} entry={entry} />
    <Watched movieId={movieId} watched={entry?.watched ?? false} />
  </div>
);

const LikeButton: FC<{ movieId: number; votes: Votes | null }> = ({ movieId, votes }) => {
  const { texts } = useVisit();
  const liked = votes?.liked ?? false;
  return (
    <div class="like">
      <Act
        to={`/film/${movieId}/${liked ? 'unlike' : 'like'}`}
        class={liked ? 'button liked' : 'button strong'}
        swap={swap}
        {...(liked ? { label: `${texts.film.liked} – ${texts.film.unlike}` } : {})}
      >
        <Icon name="heart" />
        {liked ? texts.film.liked : texts.film.like}
      </Act>
      <span class="count">{votes === null ? texts.film.noLikes : <Likes movieId={movieId} likes={votes.likes} />}</span>
    </div>
  );
};

const Remind: FC<{ movieId: number; entry: Entry | null }> = ({ movieId, entry }) => {
  const visit = useVisit();
  const { texts, zone } = visit;
  const listed = entry?.reminder ?? null;
  const to = `/film/${movieId}/remind`;
  const soonest = localOf(new Date(Date.now() + 60_000), zone);
  return (
    <details class="remind" name="remind">
      <summary class={listed?.due ? 'button strong' : 'button'}>
        <Icon name="bell" />
        {listed === null ? texts.film.remind : listed.due ? texts.film.due : texts.film.reminded}
      </summary>
      <div class="panel">
        {listed?.remindAt ? <p>{texts.film.remindAt(readable(listed.remindAt, visit))}</p> : null}
        <div class="presets">
          {presets
            .filter((preset) => presetTime(preset, zone))
            .map((preset) => (
              <Act to={to} class="button" swap={swap} fields={{ preset }}>
                {texts.film[preset]}
              </Act>
            ))}
        </div>
        <form method="post" action={to} data-swap={swap} class="line">
          <input type="hidden" name="back" value={visit.path} />
          <label>
            <span>{texts.film.when}</span>
            <input
              type="datetime-local"
              name="when"
              required
              min={soonest}
              value={listed?.remindAt && !listed.due ? localOf(new Date(listed.remindAt), zone) : undefined}
            />
          </label>
          <button type="submit" class="button">
            {texts.film.setTime}
          </button>
        </form>
        <p class="quiet">
          {texts.film.zone(zone)}{' '}
          <a href={`/sign-in?${new URLSearchParams({ next: visit.path })}`}>{texts.signIn.zone}</a>
        </p>
        <Act to={to} class="link" swap={swap}>
          {texts.film.addOnly}
        </Act>
        {listed === null ? null : (
          <Act to={`/film/${movieId}/forget`} class="link" swap={swap}>
            {texts.film.remove}
          </Act>
        )}
      </div>
    </details>
  );
};

const Watched: FC<{ movieId: number; watched: boolean }> = ({ movieId, watched }) => {
  const { texts } = useVisit();
  return (
    <Act
      to={`/film/${movieId}/${watched ? 'unwatched' : 'watched'}`}
      class={watched ? 'button on' : 'button'}
      swap={swap}
      {...(watched ? { label: `${texts.film.watched} – ${texts.film.unwatch}` } : {})}
    >
      <Icon name="eye" />
      {watched ? texts.film.watched : texts.film.watch}
    </Act>
  );
};

/** POST /film/:movieId/<what>: changes it, and goes back to the page. */
export async function changeFilm(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  const movieId = filmId(c);
  const userId = visit.user;
  const form = await c.req.parseBody();
  switch (c.req.param('what')) {
    case 'like':
      await visit.ask(ranking.like, { movieId, voterId: userId });
      break;
    case 'unlike':
      await visit.ask(ranking.unlike, { movieId, voterId: userId });
      break;
    case 'remind': {
      const remindAt = remindTime(form, visit.zone);
      if (remindAt === undefined) return film(c, visit.texts.film.badTime);
      await visit.ask(reminder.set, { userId, movieId, remindAt });
      break;
    }
    case 'forget':
      await unlessGone(visit.ask(reminder.clear, { userId, movieId }));
      break;
    case 'watched':
      await visit.ask(reminder.watch, { userId, movieId });
      break;
    case 'unwatched':
      await unlessGone(visit.ask(reminder.unwatch, { userId, movieId }));
      break;
    default:
      throw new AppError('not_found', visit.texts.errors.not_found as string);
  }
  return goBack(c, form, `/film/${movieId}`);
}

const fiveYearsMs = 5 * 365 * 24 * 3600 * 1000;

/** The time that a form names, null for none, undefined for one that cannot be. */
function remindTime({ preset, when }: Record<string, unknown>, zone: string): string | null | undefined {
  if (preset === undefined && when === undefined) return null;
  const time = presets.includes(preset as Preset)
    ? presetTime(preset as Preset, zone)
    : instantOf(String(when ?? ''), zone);
  const ahead = (time?.getTime() ?? 0) - Date.now();
  return time && ahead > 0 && ahead < fiveYearsMs ? time.toISOString() : undefined;
}

/** A second click finds it gone already, as was wanted. */
async function unlessGone(change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
  }
}
