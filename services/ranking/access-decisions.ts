/** Who may use each operation, decided once more: tests/access.test.ts notices one that is declared otherwise. */

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
