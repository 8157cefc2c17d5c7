/** Reading the body of a request, with bounds for one and for all together. */
import type { IncomingMessage } from 'node:http';
import { AppError, messageOf } from '../operations/errors.ts';

/** The longest input that any operation takes has 27,000 characters, of six bytes each at most. */
export const maxBodyBytes = 262_144;
/** All bodies that are being read, so that a crowd that never ends them leaves room for the others. */
const maxBytesUnderWay = 32_000_000;
let bytesUnderWay = 0;

/**
 * Reads the body of Node's own request: a Request would be made around it, with a promise for each step.
 * @throws AppError too_large; unavailable while too many are being read
 */
export function readIncoming(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    if (Number(incoming.headers['content-length']) > maxBodyBytes) return reject(tooLarge());
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      bytesUnderWay += chunk.length;
      if (size > maxBodyBytes) reject(tooLarge());
      else if (bytesUnderWay > maxBytesUnderWay) reject(tooMany());
      else chunks.push(chunk);
    });
    incoming.on('end', () => resolve((chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString()));
    // Nobody will hear it: whoever sends has gone.
    incoming.on('error', (error) => reject(new AppError('invalid', `The body did not come: ${messageOf(error)}`)));
    // Comes behind `end` and behind `error`.
    incoming.on('close', () => {
      bytesUnderWay -= size;
    });
  });
}

/** The same of a Request. @throws AppError as above */
export async function readRequest(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length')) > maxBodyBytes) throw tooLarge();
  if (!request.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of request.body) {
      size += chunk.length;
      bytesUnderWay += chunk.length;
      if (size > maxBodyBytes) throw tooLarge();
      if (bytesUnderWay > maxBytesUnderWay) throw tooMany();
      chunks.push(chunk);
    }
  } finally {
    bytesUnderWay -= size;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooMany(): AppError {
  return new AppError('unavailable', 'Too many large requests at once.');
}

function tooLarge(): AppError {
  return new AppError('too_large', `The body may have ${maxBodyBytes} bytes.`);
}
