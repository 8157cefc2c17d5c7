/** The expected access of each operation. services/index.test.ts fails when the contract declares anything else. */
export const decisions = {
  get: 'public',
};
