/** The expected access of each operation. services/index.test.ts fails when the contract declares anything else. */
export const decisions = {
  like: 'public',
  unlike: 'public',
  likes: 'public',
  likesOf: 'public',
  votes: 'public',
  ranking: 'public',
  genre: 'public',
  part: 'public',
};
