import type { JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import { createdAt, createdKey } from '../shared/broker/stream-identity.ts';

/**
 * Changes a stream, which stays the same one for its readers. The broker stores a changed stream with the time of its own start
 * as the time of creation (fileStore.UpdateConfig of 2.14), and names that from its next start on.
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
