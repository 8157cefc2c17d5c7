/**
 * `npm run api-release`: from now on changes are measured against the documents of now. Refuses while there are
 * undeclared breaking changes; those that were declared are part of the release and leave the list.
 */
import { readArguments } from '../../shared/process/command-line.ts';
import {
  breakingChanges,
  checkChanges,
  current,
  makeDocuments,
  readDocuments,
  readIntended,
  released,
  writeDocuments,
  writeIntended,
} from './documents.ts';

readArguments({
  usage: `Usage: npm run api-release

Replaces the released documents by those of the code. Later changes are compared with them. Refuses while a change that
would break a client is not declared.`,
});
const documents = makeDocuments();
const { undeclared } = checkChanges(breakingChanges(readDocuments(released), documents), readIntended());
if (undeclared.length > 0) {
  console.error(`Not released: ${undeclared.length} breaking changes are not declared; npm run api-check names them.`);
  process.exitCode = 1;
} else {
  writeDocuments(current, documents);
  writeDocuments(released, documents);
  writeIntended([]);
  console.log('docs/api/released is up to date.');
}
