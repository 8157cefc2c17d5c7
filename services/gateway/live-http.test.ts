import assert from 'node:assert/strict';
import { Hono } from 'hono';
import { test } from 'vitest';
import { createIdentity } from '../../shared/operations/identity.ts';
import { readConfig } from '../../shared/process/config.ts';
import { createLogger } from '../../shared/process/log.ts';
import { EventTickets } from './event-tickets.ts';
import { addLiveEvents } from './live-http.ts';
import type { LiveHub } from './live-hub.ts';

test('refuses clients beyond the limit, also those that connected while the gateway was starting', async () => {
  const ready = Promise.withResolvers<void>();
  let listeners = 1999;
  const hub = {
    sites: { site: 'hub', sites: ['hub'] },
    positions: [0, 0, 0],
    ready: ready.promise,
    get listeners() {
      return listeners;
    },
    listen() {
      listeners++;
      return () => listeners--;
    },
  };
  const config = readConfig({});
  const identity = createIdentity(config, createLogger('test', 'silent'));
  const app = new Hono();
  addLiveEvents(app, { hub: hub as unknown as LiveHub, identity, tickets: new EventTickets(config) });
  const requests = [1, 2].map(() => app.request('/events'));
  ready.resolve();
  const responses = await Promise.all(requests);
  assert.deepEqual(
    responses.map(({ status }) => status),
    [200, 503],
  );
  await responses[0]?.body?.cancel();
  assert.equal(listeners, 1999);
});
