/** A replica that has no file of a view begins with a snapshot that another made, and reads on from there. */
import { once } from 'node:events';
import { createWriteStream, renameSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { createZstdDecompress } from 'node:zlib';
import { findStream } from '../broker/lost-stream.ts';
import type { AboutSnapshot, Snapshot, SnapshotBucket } from '../broker/snapshot-bucket.ts';
import { type StreamPosition, streamIdentity } from '../broker/stream-identity.ts';
import { messageOf } from '../operations/errors.ts';
import { removeDatabase } from './database.ts';
import { versionOfSnapshot } from './view-file.ts';
import type { KeptView } from './view-thread.ts';

/** Of what is unpacked. In Node's 16 KB pieces it takes twice the processor time, in pieces of 1 MB a sixth longer. */
const chunkSize = 4_194_304;
/** What waits on either side of unpacking, so that reading, unpacking and writing go on at the same time. */
const highWaterMark = 2 * chunkSize;
/** Node's types do not have these for Zstandard. */
const bothSides = { readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark };
const tryAgainMs = 1000;
/** Asking for a minute costs less than reading streams of years from their beginning. */
const mostFailures = 10;

/**
 * Gives what writes the newest snapshot that fits to a file that is yet to be made: of this version, and of streams as the broker
 * has them now. What it holds beyond that is for the stream readers to compare, message by message. It gives false where there
 * is none, or none can be had, and throws when it is aborted.
 * @param tried ids of those that were taken, and are not taken again
 */
export function snapshotTaker(view: KeptView, bucket: SnapshotBucket, tried: Set<string>) {
  const { connection, log } = view;

  /** Waits for the broker, but not for an answer that it does not give. */
  const fitting = async (streams: string[], signal: AbortSignal): Promise<Snapshot[]> => {
    await Promise.race([connection.first, once(signal, 'abort')]);
    for (let failures = 0; ; ) {
      signal.throwIfAborted();
      try {
        const all = (await bucket.list()) ?? [];
        const wanted = all.filter((one) => isFor(view, one) && !tried.has(one.id));
        if (wanted.length === 0) return [];
        const positions = new Map<string, StreamPosition | undefined>();
        for (const stream of streams) {
          const info = await findStream(connection.link.jsm, stream);
          positions.set(stream, info && { sequence: info.state.last_seq, created: streamIdentity(info) });
        }
        // A stream that ends before a snapshot does was put back to an older state.
        const isBeyond = ({ checkpoints }: Snapshot): boolean =>
          checkpoints.some(({ stream, sequence }) => sequence > (positions.get(stream)?.sequence ?? sequence));
        return wanted.filter((one) => isOf(one, positions) && !isBeyond(one));
      } catch (error) {
        if (connection.connected && ++failures === mostFailures) {
          log.warn({ reason: messageOf(error) }, 'the broker does not say which snapshots there are');
          return [];
        }
        await pause(tryAgainMs, undefined, { signal });
      }
    }
  };

  return async (file: string, streams: string[], signal: AbortSignal): Promise<boolean> => {
    for (const snapshot of await fitting(streams, signal)) {
      tried.add(snapshot.id);
      const part = `${file}.part`;
      try {
        await pipeline(
          bucket.read(snapshot, signal),
          createZstdDecompress({ chunkSize, ...bothSides }),
          createWriteStream(part, { flags: 'wx', highWaterMark }),
          { signal },
        );
        if (versionOfSnapshot(part) !== snapshot.version) throw new Error('its file is of another version');
        renameSync(part, file);
        log.info({ snapshot: snapshot.name, bytes: snapshot.bytes }, 'the view begins with a snapshot');
        return true;
      } catch (error) {
        removeDatabase(part);
        signal.throwIfAborted();
        log.warn({ snapshot: snapshot.name, reason: messageOf(error) }, 'a snapshot of the view cannot be used');
      }
    }
    return false;
  };
}

type Positions = ReadonlyMap<string, StreamPosition | undefined>;

/** Whether a snapshot is of views like this one. */
export function isFor({ definition, config }: KeptView, { version, group }: AboutSnapshot): boolean {
  return version === definition.version && group === definition.group?.(config);
}

/**
 * Whether a snapshot is of these streams, and of none that was made again or restored since. A site that is named no more stays
 * in the files of views, and so in snapshots.
 */
export function isOf({ checkpoints }: AboutSnapshot, positions: Positions): boolean {
  return checkpoints.every(
    ({ stream, created }) => !positions.has(stream) || positions.get(stream)?.created === created,
  );
}
