/** Ids of live events: a client's position in each stream of each site. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { decodePositions, encodePositions } from './live-events.ts';

const oneSite = { site: 'hub', sites: ['hub'] };

test('an event id is the positions in the streams', () => {
  assert.deepEqual(decodePositions(encodePositions([1, 22, 333], oneSite), oneSite), [1, 22, 333]);
  for (const text of ['', '1-2', '1-2-x', '-1-2-3', '1-2-3-4'])
    assert.throws(() => decodePositions(text, oneSite), /event id/);
});

test('an event id has the positions of every site, and is valid at other sites', () => {
  const at = (site: string) => ({ site, sites: ['hub', 'edge1'] });
  const positions = [1, 2, 3, 40, 50, 60];
  const id = encodePositions(positions, at('edge1'));
  assert.equal(id, 'hub:1-2-3,edge1:40-50-60');
  assert.deepEqual(decodePositions(id, at('hub')), positions);
  // Positions at a site that the id does not name are unknown, so the client has to fetch everything again.
  assert.deepEqual(decodePositions('7-8-9', at('edge1')), [-1, -1, -1, 7, 8, 9]);
  assert.deepEqual(decodePositions(id, oneSite), [1, 2, 3]);
});
