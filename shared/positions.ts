/** Reading what one has written, at whichever replica: requests that carry a position wait until the view is there. */
import { streamIdentity } from './broker/stream-identity.ts';
import type { Commands } from './commands.ts';
import type { Positions } from './operations/endpoint.ts';
import { AppError } from './operations/errors.ts';
import { decodePosition, encodePosition, type Place, tagOf } from './operations/position.ts';
import { isCopy, type Sites, streamEverywhere, streamHere } from './process/sites.ts';
import type { View } from './views/view.ts';

/**
 * The positions of one service's view. What is said of streams that it does not read cannot matter here. Where there are several
 * sites, a position names each stream as other sites know it: `VOTES_edge1`. Of another site's stream only what its copy here
 * has is waited for: the link may be down for a week.
 */
export function positionsOf(view: View<unknown>, sites: Sites, commands: Pick<Commands, 'streamInfo'>): Positions {
  const isAhead = ({ stream, sequence, tag }: Place): boolean => {
    const reached = view.position(stream);
    if (!reached) return false;
    if (reached.sequence < sequence) return true;
    return !isCopy(stream, sites) && tagOf(reached.created) !== tag;
  };
  /** What the stream itself no longer has, since it was made again or restored, would be waited for in vain. */
  const wait = async ({ stream, sequence, tag }: Place, deadline: number): Promise<void> => {
    const info = await commands.streamInfo(stream);
    const identity = streamIdentity(info);
    // The tag is that of the stream at its home.
    const isOther = tagOf(identity) !== tag && !isCopy(stream, sites);
    if (isOther || info.state.last_seq < sequence) return;
    const meant = (created: string): boolean => created === identity;
    if (await view.waitFor(stream, sequence, deadline - Date.now(), meant)) return;
    throw new AppError('unavailable', 'This replica has not read as far as Marquee-Position says.');
  };
  return {
    reach(position, deadline) {
      const places = decodePosition(position).map((place) => ({ ...place, stream: streamHere(place.stream, sites) }));
      const ahead = places.filter(isAhead);
      if (ahead.length === 0) return undefined;
      return Promise.all(ahead.map((place) => wait(place, deadline))).then(() => {});
    },
    behind(written, given) {
      const places = given === undefined ? [] : decodePosition(given);
      written.forEach((sequence, stream) => {
        const created = view.position(stream)?.created;
        if (!created) return;
        const place = { stream: streamEverywhere(stream, sites), sequence, tag: tagOf(created) };
        const before = places.find((other) => other.stream === place.stream);
        if (!before) places.push(place);
        else if (before.tag !== place.tag || before.sequence < sequence) Object.assign(before, place);
      });
      return places.length === 0 ? undefined : encodePosition(places);
    },
  };
}
