/** Operations that an edge forwards to the hub. */
import assert from 'node:assert/strict';
import { StorageType } from '@nats-io/jetstream';
import { test } from 'vitest';
import { movies } from '../services/movies/contract.ts';
import { voteGiven } from '../services/ranking/contract.ts';
import { startSystem, until } from '../tests/harness.ts';
import { openToyView } from '../tests/toy-view.ts';
import { encodeEvent } from './broker/event-codec.ts';
import { publishOne } from './broker/publisher.ts';
import { forwardToHub, serveEdges } from './hub.ts';
import { type Call, JsonResponse } from './operations/endpoint.ts';
import type { Operation } from './operations/operation.ts';
import { encodePosition } from './operations/position.ts';
import { createLogger } from './process/log.ts';
import type { ServiceCaller } from './rpc/caller.ts';

test('answers 202 at an edge without a view, and 200 once the view shows the change', async () => {
  await using system = await startSystem();
  const { connection, link } = system;
  const origin = { site: 'hub', source: 'test', traceparent: undefined };
  const { seq } = await publishOne(
    link,
    encodeEvent(voteGiven, { movieId: 1 }, { voterId: 'ann', liked: true }, origin),
  );
  const position = encodePosition([{ stream: voteGiven.stream, sequence: seq, tag: 'abcdefgh' }]);
  const answer = { id: 0, status: 200, body: '{}', position };
  link.nc.subscribe('to.hub.edge1.catalogue', {
    callback: (_, message) => void message.respond(JSON.stringify(answer)),
  });

  // The view is not ready before the stream GATE exists.
  await using view = openToyView(system, { rows: { gate: '' } });
  const parts = { connection, config: { ...system.config(), site: 'edge1' } } as Parameters<typeof forwardToHub>[1];
  const remove = forwardToHub(movies.remove as unknown as Operation, parts, view);
  const status = async (): Promise<number | undefined> => {
    const call = { deadline: Date.now() + 10_000, caller: {} } as unknown as Call;
    return ((await remove({ movieId: 1 }, call)) as JsonResponse).status;
  };
  assert.equal(view.canAnswer, false);
  assert.equal(await status(), 202);
  await (await system.streams()).streams.add({ name: 'GATE', subjects: ['gate.>'], storage: StorageType.Memory });
  await view.ready;
  assert.equal(await status(), 200);
});

test('survives a reply to an edge that is too large for a message', async () => {
  await using system = await startSystem({ streams: false });
  const lines: string[] = [];
  const log = createLogger('test', 'error', { write: (line: string) => void lines.push(line) });
  const { nc } = await system.connection.first;
  // Escaping in JSON doubles its size, beyond the broker's limit.
  const send = async (): Promise<JsonResponse> => new JsonResponse('"'.repeat(700_000));
  const caller = { send } as unknown as ServiceCaller;
  serveEdges([movies.remove as unknown as Operation], 'movies', nc, { caller, log });
  const request = { subject: movies.remove.subject, input: { movieId: 1 }, timeoutMs: 1000 };
  nc.publish('to.hub.edge1.catalogue', JSON.stringify(request), { reply: 'to.edge1.reply.1' });
  await until(() => lines.some((line) => line.includes('a reply could not be sent')), 'the error to be logged');
});
