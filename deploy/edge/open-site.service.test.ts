import assert from 'node:assert/strict';
import { test } from 'vitest';
import { hub } from '../../shared/process/sites.ts';
import { announcedSites, announceSites } from '../../streams/site-links.ts';
import { until } from '../../tests/until.ts';
import { sitesKnown } from './open-site.ts';
import { startSites } from './testing.ts';

test('an edge learns the sites as soon as its link is up', async () => {
  await using sites = await startSites(['edge1', 'edge2']);
  const { nc, link } = sites.at('edge1');
  await announceSites(sites.at(hub).nc, sites.at(hub));
  const known = [hub, 'edge1'];
  link?.cut();
  await until(async () => (await announcedSites(nc, 'edge1')) === undefined, 'the link to be down');
  assert.deepEqual(await sitesKnown(nc, 'edge1', known, 0), known);
  const asked = sitesKnown(nc, 'edge1', known, 60_000);
  link?.resume();
  assert.deepEqual(await asked, [hub, 'edge1', 'edge2']);
});
