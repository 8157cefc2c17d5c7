/** Expected access of each operation. tests/access.test.ts fails when a contract declares something else. */

export const decisions = {
  eventTicket: 'known',
  moviePage: 'public',
};
