/** `npm run api-check`: fails on a change since the last release that would break a client and is not declared. */
import { readArguments } from '../../shared/process/command-line.ts';
import { breakingChanges, checkChanges, makeDocuments, readDocuments, readIntended, released } from './documents.ts';

readArguments({
  usage:
    'Usage: npm run api-check\n\nFails on a change since the last release that would break a client and is not declared.',
});
const intended = readIntended();
const changes = breakingChanges(readDocuments(released), makeDocuments());
const { undeclared, stale } = checkChanges(changes, intended);
if (undeclared.length > 0) {
  console.error('These changes would break clients:');
  for (const change of undeclared) console.error(`  ${change}`);
  console.error('Undo them, or declare each intended one in docs/api/breaking-changes.json:');
  console.error(`  ${JSON.stringify({ change: undeclared[0], reason: 'why, and what clients do instead' })}`);
}
if (stale.length > 0) {
  console.error('docs/api/breaking-changes.json declares changes that do not exist; remove them:');
  for (const change of stale) console.error(`  ${change}`);
}
if (undeclared.length + stale.length > 0) process.exitCode = 1;
else console.log(`No change breaks clients${intended.length > 0 ? `, except ${intended.length} declared ones` : ''}.`);
