/** The expected access of each operation. tests/access.test.ts fails when the contract declares anything else. */
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
