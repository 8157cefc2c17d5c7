/** The expected access of each operation. services/index.test.ts fails when the contract declares anything else. */
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
