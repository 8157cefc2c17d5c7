import type { JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import { createdAt, createdKey } from '../shared/broker/stream-identity.ts';

/**
 * Updates a stream so that it keeps its identity for readers: after an update, the broker stores the time of its own
 * start as the stream's creation time, and reports that one from its next start on (fileStore.UpdateConfig of 2.14).
 * @throws JetStreamApiError
 */
export function updateStream(
  jsm: JetStreamManager,
  info: StreamInfo,
  changes: Partial<StreamConfig>,
): Promise<StreamInfo> {
  const metadata = { ...info.config.metadata, ...changes.metadata, [createdKey]: createdAt(info) };
  return jsm.streams.update(info.config.name, { ...info.config, ...changes, metadata });
}
