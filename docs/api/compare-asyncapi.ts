/** Finds changes of an AsyncAPI document that would break readers or publishers of events, or callers of operations. */
import type { AsyncApiDocument, ChannelObject } from './asyncapi-types.ts';
import { compareSchemas, type Direction, isNewRefusal } from './compare-schemas.ts';
import type { JsonSchema } from './openapi-types.ts';

/** Returns the breaking changes, a line each, such as `event marquee.vote.given.v1 on votes.{site}.{movieId}: liked: removed`. */
export function compareAsyncApi(before: AsyncApiDocument, after: AsyncApiDocument): string[] {
  const operations = Object.keys(before.operations).filter((id) => !after.operations[id]);
  return [
    ...operations.map((id) => `operation ${id}: removed`),
    ...Object.entries(before.channels).flatMap(([id, old]) => {
      const now = after.channels[id];
      return now ? channelChanges(id, old, now, before, after) : [`channel ${id}: removed`];
    }),
  ];
}

function channelChanges(
  id: string,
  old: ChannelObject,
  now: ChannelObject,
  before: AsyncApiDocument,
  after: AsyncApiDocument,
): string[] {
  const changes: string[] = [];
  if (old.address !== now.address) changes.push(`channel ${id}: address changed to ${now.address}`);
  if (old['x-stream'] !== now['x-stream']) changes.push(`channel ${id}: moved to the stream ${now['x-stream']}`);
  for (const [name, message] of Object.entries(old.messages)) {
    const where = old['x-stream'] ? `event ${name} on ${old.address}` : `message ${message.name}`;
    const next = now.messages[name];
    if (!next) {
      changes.push(`${where}: removed`);
      continue;
    }
    changes.push(
      ...directionsOf(old, name)
        .flatMap((direction) => payloadChanges(message.payload, next.payload, direction, before, after))
        .filter((change, index, all) => all.indexOf(change) === index)
        .filter((change) => name !== 'problem' || !isNewRefusal(change))
        .map((change) => `${where}: ${change}`),
    );
  }
  return changes;
}

/**
 * Returns the rules for a message. An event must follow both: its readers need every field (output), and events that are
 * stored already or published by others must still be accepted (input).
 */
function directionsOf(channel: ChannelObject, message: string): Direction[] {
  if (channel['x-stream']) return ['output', 'input'];
  return [message === 'request' ? 'input' : 'output'];
}

function payloadChanges(
  old: JsonSchema,
  now: JsonSchema,
  direction: Direction,
  before: AsyncApiDocument,
  after: AsyncApiDocument,
): string[] {
  return compareSchemas({ document: before, schema: old }, { document: after, schema: now }, direction);
}
