/** Who may use each operation, decided once more: tests/access.test.ts notices one that is declared otherwise. */

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
