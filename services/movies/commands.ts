/** Adding and changing movies. What decides is pure; the broker's expectation makes sure that it still holds. */

import { encodeEvent, type OutgoingMessage } from '../../shared/broker/event-codec.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { type MovieFields, type MovieState, movieStated } from './contract.ts';

/** What is known of a movie when a command comes: its fields where it exists, and the revision of its last event. */
export interface KnownMovie {
  fields: MovieFields | undefined;
  revision: number;
}

/** @throws AppError conflict when the movie exists. */
export function decideAdd(known: KnownMovie, movieId: number, fields: MovieFields): MovieState {
  if (known.fields) throw new AppError('conflict', `Movie ${movieId} exists already.`);
  return fields;
}

/** @throws AppError not_found, or precondition_failed for another revision than the caller saw. */
export function decideReplace(
  known: KnownMovie,
  movieId: number,
  fields: MovieFields,
  ifMatch: string | number | undefined,
): MovieState {
  requireExisting(known, movieId, ifMatch);
  return fields;
}

/** @throws AppError as decideReplace. */
export function decideRemove(known: KnownMovie, movieId: number, ifMatch: string | number | undefined): MovieState {
  requireExisting(known, movieId, ifMatch);
  return { removed: true };
}

function requireExisting(known: KnownMovie, movieId: number, ifMatch: string | number | undefined): void {
  if (!known.fields) throw new AppError('not_found', `There is no movie ${movieId}.`);
  if (ifMatch === undefined || ifMatch === '*') return;
  // If-Match may list several ETags; weak ones never match. The likes behind a revision are nothing that is changed here.
  const accepted = String(ifMatch)
    .split(',')
    .map((tag) => /^"?(\d+)(?:-\w+)?"?$/.exec(tag.trim())?.[1]);
  if (!accepted.includes(String(known.revision))) {
    throw new AppError('precondition_failed', `Movie ${movieId} is at revision ${known.revision} now.`);
  }
}

/** The event of a decision, to be stored only if nobody changed the movie in between, at whichever site. */
export function movieMessage(site: string, movieId: number, revision: number, state: MovieState): OutgoingMessage {
  return encodeEvent(
    movieStated,
    { movieId },
    state,
    { site, source: 'movies' },
    {
      expect: { lastSubjectSequence: revision, subject: `catalogue.*.movie.${movieId}` },
    },
  );
}
