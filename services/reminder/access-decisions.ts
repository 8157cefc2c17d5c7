/** Who may use each operation, decided once more: tests/access.test.ts notices one that is declared otherwise. */

export const decisions = {
  set: 'self',
  clear: 'self',
  entry: 'self',
  list: 'self',
  all: 'admin',
  watch: 'self',
  unwatch: 'self',
  watched: 'self',
  allWatched: 'admin',
};
