/** Expected access of each operation. services/index.test.ts fails when a contract declares something else. */

export const decisions = {
  eventTicket: 'known',
  moviePage: 'public',
};
