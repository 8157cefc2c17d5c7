/** Files that come with the project. */
import { join } from 'node:path';

/** The catalogue that `npm start` seeds. */
export const seedFile = join(import.meta.dirname, 'movies.csv');
