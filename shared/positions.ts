/** Reading what one has written, at whichever replica: requests that carry a position wait until the view is there. */
import type { Connection } from './broker/connection.ts';
import { streamIdentity } from './broker/stream-identity.ts';
import { StreamLookup } from './broker/stream-lookup.ts';
import type { Positions } from './operations/endpoint.ts';
import { AppError } from './operations/errors.ts';
import { decodePosition, encodePosition, type Place, tagOf } from './operations/position.ts';
import type { View } from './views/view.ts';

/** The positions of one service's view. What is said of streams that it does not read cannot matter here. */
export class ViewPositions implements Positions {
  readonly #view: View<unknown>;
  readonly #streams: StreamLookup;

  constructor(connection: Connection, view: View<unknown>) {
    this.#streams = new StreamLookup(connection);
    this.#view = view;
  }

  reach(position: string, deadline: number): Promise<void> | undefined {
    const ahead = decodePosition(position).filter((place) => this.#isAhead(place));
    if (ahead.length === 0) return undefined;
    return Promise.all(ahead.map((place) => this.#wait(place, deadline))).then(() => {});
  }

  behind(written: ReadonlyMap<string, number>, given: string | undefined): string | undefined {
    const places = new Map((given === undefined ? [] : decodePosition(given)).map((place) => [place.stream, place]));
    for (const [stream, sequence] of written) {
      const created = this.#view.position(stream)?.created;
      const before = places.get(stream);
      if (created === undefined) continue;
      const tag = tagOf(created);
      if (before?.tag !== tag || before.sequence < sequence) places.set(stream, { stream, sequence, tag });
    }
    return places.size === 0 ? undefined : encodePosition(places.values());
  }

  #isAhead({ stream, sequence, tag }: Place): boolean {
    if (!this.#view.reads(stream)) return false;
    const reached = this.#view.position(stream);
    return !reached || reached.sequence < sequence || tagOf(reached.created) !== tag;
  }

  /** What the stream itself no longer has, since it was made again or restored, would be waited for in vain. */
  async #wait({ stream, sequence, tag }: Place, deadline: number): Promise<void> {
    const info = await this.#streams.info(stream);
    const identity = streamIdentity(info);
    if (tagOf(identity) !== tag || info.state.last_seq < sequence) return;
    const meant = (created: string): boolean => created === identity;
    if (await this.#view.waitFor(stream, sequence, deadline - Date.now(), meant)) return;
    throw new AppError('unavailable', 'This replica has not read as far as Marquee-Position says.');
  }
}
