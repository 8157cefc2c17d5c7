/** Loads the newest fitting snapshot, so that a new replica need not read its streams from their beginning. */
import { once } from 'node:events';
import { createWriteStream, renameSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { createZstdDecompress } from 'node:zlib';
import { findStream } from '../broker/lost-stream.ts';
import type { Snapshot, SnapshotBucket, SnapshotInfo } from '../broker/snapshot-bucket.ts';
import { type StreamPosition, streamIdentity } from '../broker/stream-identity.ts';
import { messageOf } from '../operations/errors.ts';
import { removeDatabase } from './database.ts';
import type { ViewContext } from './view-client.ts';
import { versionOfSnapshot } from './view-file.ts';

/** Bytes decompressed at a time. Node's default of 16 KB takes twice the processor time, 1 MB a sixth more. */
const chunkSize = 4_194_304;
/** Bytes buffered before and after decompression, so that reading, decompressing and writing overlap. */
const highWaterMark = 2 * chunkSize;
/** In a variable because Node's types lack these options for Zstandard. */
const bufferSizes = { readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark };
const retryMs = 1000;
/** Retrying for up to a minute costs less than reading years of events from the beginning. */
const maxFailures = 10;

/**
 * Returns a function that loads the newest fitting snapshot into a new file. A snapshot fits if it has the view's
 * version and group and its checkpoints belong to the streams that the broker has now; the stream readers then compare
 * it with the stream's messages. The function returns false if no snapshot can be loaded, and throws when aborted.
 * @param tried ids of snapshots that are not to be loaded; the function adds those that it tries
 */
export function snapshotLoader(view: ViewContext, bucket: SnapshotBucket, tried: Set<string>) {
  const { connection, log } = view;

  /** Returns the fitting snapshots. Waits for the connection, but gives up if the broker keeps failing to answer. */
  const fitting = async (streams: string[], signal: AbortSignal): Promise<Snapshot[]> => {
    await Promise.race([connection.first, once(signal, 'abort')]);
    for (let failures = 0; ; ) {
      signal.throwIfAborted();
      try {
        const all = (await bucket.list()) ?? [];
        const wanted = all.filter((one) => matchesView(view, one) && !tried.has(one.id));
        if (wanted.length === 0) return [];
        const positions = new Map<string, StreamPosition | undefined>();
        for (const stream of streams) {
          const info = await findStream(connection.link.jsm, stream);
          positions.set(stream, info && { sequence: info.state.last_seq, created: streamIdentity(info) });
        }
        // A stream that ends before a snapshot's checkpoint was restored to an older state.
        const isAhead = ({ checkpoints }: Snapshot): boolean =>
          checkpoints.some(({ stream, sequence }) => sequence > (positions.get(stream)?.sequence ?? sequence));
        return wanted.filter((one) => matchesStreams(one, positions) && !isAhead(one));
      } catch (error) {
        if (connection.connected && ++failures === maxFailures) {
          log.warn({ reason: messageOf(error) }, 'listing snapshots failed; reading the streams from their beginning');
          return [];
        }
        await pause(retryMs, undefined, { signal });
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
          createZstdDecompress({ chunkSize, ...bufferSizes }),
          createWriteStream(part, { flags: 'wx', highWaterMark }),
          { signal },
        );
        if (versionOfSnapshot(part) !== snapshot.version) throw new Error('its file and metadata differ in version');
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

/** Returns whether a snapshot has the view's version and group. */
export function matchesView({ definition, config }: ViewContext, { version, group }: SnapshotInfo): boolean {
  return version === definition.version && group === definition.group?.(config);
}

/**
 * Returns whether no stream of a snapshot was recreated or restored since. Streams that are not in `positions` are
 * ignored: they belong to sites that were removed from the configuration, whose rows stay in view files.
 */
export function matchesStreams({ checkpoints }: SnapshotInfo, positions: Positions): boolean {
  return checkpoints.every(
    ({ stream, created }) => !positions.has(stream) || positions.get(stream)?.created === created,
  );
}
