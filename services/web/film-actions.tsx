/** The actions on the page of a film: like it, set a reminder, mark it as watched. */
import type { FC } from 'hono/jsx';
import type { z } from 'zod';
import type { reminder } from '../reminder/contract.ts';
import { Act, hrefOf, Icon, Likes, useVisit } from './components.tsx';
import { localOf, presets, presetTime, readable } from './zone.ts';

const swap = '#actions';

type Entry = z.output<typeof reminder.entry.output>;

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
          {texts.film.zone(zone)} <a href={hrefOf('/sign-in', { next: visit.path })}>{texts.signIn.zone}</a>
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
