/** Expected access of each operation. services/index.test.ts fails when a contract declares something else. */

export const decisions = {
  list: 'public',
  get: 'public',
  details: 'public',
  genre: 'public',
  genres: 'public',
  search: 'public',
  suggest: 'public',
  add: 'admin',
  replace: 'admin',
  remove: 'admin',
  import: 'admin',
};
