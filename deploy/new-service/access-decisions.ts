/** The expected access of each operation. tests/access.test.ts fails when the contract declares anything else. */
export const decisions = {
  get: 'public',
};
