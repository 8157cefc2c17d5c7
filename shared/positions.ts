/** Read-your-writes at any replica: a request that carries a position waits until the view has reached it. */
import { streamIdentity } from './broker/stream-identity.ts';
import type { Commands } from './commands.ts';
import type { Positions } from './operations/endpoint.ts';
import { AppError } from './operations/errors.ts';
import { decodePosition, encodePosition, type Place, tagOf } from './operations/position.ts';
import { globalStreamName, isCopy, localStreamName, type Sites } from './process/sites.ts';
import type { View } from './views/view.ts';

/**
 * Creates the position handling for one service's view. Streams that the view does not read are ignored. With several
 * sites, a position uses global stream names such as `VOTES_edge1`. For another site's stream, a request waits only for
 * what this site's copy already holds, because the link may be down for a week.
 */
export function positionsOf(view: View<unknown>, sites: Sites, commands: Pick<Commands, 'streamInfo'>): Positions {
  const isAhead = ({ stream, sequence, tag }: Place): boolean => {
    const reached = view.position(stream);
    if (!reached) return false;
    if (reached.sequence < sequence) return true;
    return !isCopy(stream, sites) && tagOf(reached.created) !== tag;
  };
  /** Does not wait for what the stream no longer holds because it was recreated or restored: that would never come. */
  const wait = async ({ stream, sequence, tag }: Place, deadline: number): Promise<void> => {
    const info = await commands.streamInfo(stream);
    const identity = streamIdentity(info);
    // The tag is that of the original stream at its home site, not of the copy.
    const isOther = tagOf(identity) !== tag && !isCopy(stream, sites);
    if (isOther || info.state.last_seq < sequence) return;
    const isSame = (created: string): boolean => created === identity;
    if (await view.waitFor(stream, sequence, deadline - Date.now(), isSame)) return;
    throw new AppError('unavailable', 'This replica has not reached Marquee-Position in time: try again.');
  };
  return {
    reach(position, deadline) {
      const toLocal = (place: Place): Place => ({ ...place, stream: localStreamName(place.stream, sites) });
      const ahead = decodePosition(position).map(toLocal).filter(isAhead);
      if (ahead.length === 0) return undefined;
      return Promise.all(ahead.map((place) => wait(place, deadline))).then(() => {});
    },
    after(written, given) {
      const places = new Map((given === undefined ? [] : decodePosition(given)).map((place) => [place.stream, place]));
      written.forEach((sequence, stream) => {
        const created = view.position(stream)?.created;
        if (!created) return;
        const place = { stream: globalStreamName(stream, sites), sequence, tag: tagOf(created) };
        const before = places.get(place.stream);
        const isBehind = before?.tag !== place.tag || before.sequence < sequence;
        // Moves to the end, because encodePosition drops the first of too many places.
        places.delete(place.stream);
        places.set(place.stream, isBehind ? place : before);
      });
      return places.size === 0 ? undefined : encodePosition([...places.values()]);
    },
  };
}
