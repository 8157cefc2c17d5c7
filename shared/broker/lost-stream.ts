/** A stream that is not there, or not the one that was read: what is said of it to whoever can help. */
import { JetStreamApiError, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream';

/** There is none of its name, or another one, which nobody has accepted in its place. */
export type Loss = 'missing' | 'replaced';

export class ReplacedStream extends Error {}

export const streamNotFound = 10059;

/** What an error says of the stream; undefined where it is another trouble. */
export function lossOf(error: unknown): Loss | undefined {
  if (error instanceof ReplacedStream) return 'replaced';
  return error instanceof JetStreamApiError && error.code === streamNotFound ? 'missing' : undefined;
}

/** What a stream is and holds; undefined where there is none of its name. @throws Error where the broker does not say */
export async function findStream(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (lossOf(error) === 'missing') return undefined;
    throw error;
  }
}

/** For an operator. `taken` is the sequence up to which the stream that was lost had been read. */
export function explainLoss(stream: string, loss: Loss, taken: number): string {
  if (taken === 0) return `The broker has no stream ${stream}: "npm run streams" makes it.`;
  const what = loss === 'missing' ? `lost the stream ${stream}` : `another stream ${stream} than the one`;
  return (
    `The broker has ${what}, which was read up to message ${taken}. "npm run restore -- DIR" brings back a backup; ` +
    '"npm run streams -- --new" accepts empty streams instead, and what was lost is shown no more.'
  );
}
