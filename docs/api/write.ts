/** `npm run api-docs`: writes the documents that the code makes to docs/api. */
import { readArguments } from '../../shared/process/command-line.ts';
import { current, makeDocuments, writeDocuments } from './documents.ts';

readArguments({
  usage: 'Usage: npm run api-docs\n\nWrites openapi.json and asyncapi.json, generated from the contracts, to docs/api.',
});
writeDocuments(current, makeDocuments());
console.log('docs/api/openapi.json and asyncapi.json are up to date.');
