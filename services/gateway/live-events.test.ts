/** Ids of live events: how far a client is with each stream of each site. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { decodePositions, encodePositions } from './live-events.ts';

const one = { site: 'hub', sites: ['hub'] };

test('event ids are the positions in the streams', () => {
  assert.deepEqual(decodePositions(encodePositions([1, 22, 333], one), one), [1, 22, 333]);
  for (const text of ['', '1-2', '1-2-x', '-1-2-3', '1-2-3-4'])
    assert.throws(() => decodePositions(text, one), /event id/);
});

test('event ids say how far a client is with each site, also at another one', () => {
  const at = (site: string) => ({ site, sites: ['hub', 'edge1'] });
  const positions = [1, 2, 3, 40, 50, 60];
  const id = encodePositions(positions, at('edge1'));
  assert.equal(id, 'hub:1-2-3,edge1:40-50-60');
  assert.deepEqual(decodePositions(id, at('hub')), positions);
  // Of a site that it does not name nothing is known: what was missed there has to be fetched.
  assert.deepEqual(decodePositions('7-8-9', at('edge1')), [-1, -1, -1, 7, 8, 9]);
  assert.deepEqual(decodePositions(id, one), [1, 2, 3]);
});
