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

Makes the documents of the code the released ones, with which later changes are compared. Refuses while a change that
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
  console.log('docs/api/released is as the code makes it.');
}
