/** Detects and explains the loss of a stream: it is missing, or another one has its name. */
import { JetStreamApiError, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream';

/** How a stream was lost: it is missing, or was replaced by another stream that no operator has accepted. */
export type Loss = 'missing' | 'replaced';

export class ReplacedStream extends Error {}

export const streamNotFound = 10059;

/** Returns the loss that an error stands for; undefined for any other error. */
export function lossOf(error: unknown): Loss | undefined {
  if (error instanceof ReplacedStream) return 'replaced';
  return error instanceof JetStreamApiError && error.code === streamNotFound ? 'missing' : undefined;
}

/** Returns the state of a stream; undefined when there is none. @throws Error when the broker does not answer */
export async function findStream(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (lossOf(error) === 'missing') return undefined;
    throw error;
  }
}

/** Explains a loss to an operator. `taken` is the last sequence that was read of the lost stream; 0 when none was. */
export function explainLoss(stream: string, loss: Loss, taken: number): string {
  if (taken === 0) return `The broker has no stream ${stream}. Create it with "npm run streams".`;
  const what =
    loss === 'missing'
      ? `The broker has lost the stream ${stream}`
      : `The stream ${stream} was replaced by another one`;
  return (
    `${what}. It had been read up to message ${taken}. Restore a backup with "npm run restore -- DIR", or go on ` +
    'without the lost messages with "npm run streams -- --new", which also removes them from the views.'
  );
}
