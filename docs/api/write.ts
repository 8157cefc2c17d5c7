/** `npm run api-docs`: writes the documents that the code makes to docs/api. */
import { current, makeDocuments, writeDocuments } from './documents.ts';

writeDocuments(current, makeDocuments());
console.log('docs/api/openapi.json and asyncapi.json are as the code makes them.');
