/** Adding and changing movies. The decisions are pure; the broker rejects events of movies changed meanwhile. */
import { encodeEvent, type OutgoingMessage } from '../../shared/broker/event-codec.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { type MovieFields, type MovieState, movieStated } from './contract.ts';

/** State of a movie when a command arrives: its fields if it exists, and the revision of its last event. */
export interface KnownMovie {
  fields: MovieFields | undefined;
  revision: number;
}

/** Decides on adding a movie. @throws AppError conflict when the movie exists */
export function decideAdd(known: KnownMovie, movieId: number, fields: MovieFields): MovieState {
  if (known.fields) throw new AppError('conflict', `Movie ${movieId} exists already.`);
  return fields;
}

/** Decides on replacing a movie. @throws AppError not_found, or precondition_failed for another revision */
export function decideReplace(
  known: KnownMovie,
  movieId: number,
  fields: MovieFields,
  ifMatch: string | number | undefined,
): MovieState {
  requireExisting(known, movieId, ifMatch);
  return fields;
}

/** Decides on removing a movie. @throws AppError as decideReplace */
export function decideRemove(known: KnownMovie, movieId: number, ifMatch: string | number | undefined): MovieState {
  requireExisting(known, movieId, ifMatch);
  return { removed: true };
}

function requireExisting(known: KnownMovie, movieId: number, ifMatch: string | number | undefined): void {
  if (!known.fields) throw new AppError('not_found', `There is no movie ${movieId}.`);
  if (ifMatch === undefined || ifMatch === '*') return;
  // If-Match may list several ETags; weak ones never match. The likes in an ETag (`"12-5"`) do not matter for a change.
  const accepted = String(ifMatch)
    .split(',')
    .map((tag) => /^"?(\d+)(?:-\w+)?"?$/.exec(tag.trim())?.[1]);
  if (!accepted.includes(String(known.revision))) {
    const detail = `Movie ${movieId} has changed and is now at revision ${known.revision}. Read it again before changing it.`;
    throw new AppError('precondition_failed', detail);
  }
}

/** Returns the event of a decision. The broker stores it only if nobody has changed the movie since `revision`. */
export function movieMessage(site: string, movieId: number, revision: number, state: MovieState): OutgoingMessage {
  return encodeEvent(
    movieStated,
    { movieId },
    state,
    { site, source: 'movies' },
    { expect: { lastSubjectSequence: revision } },
  );
}
