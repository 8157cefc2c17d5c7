/** Who may use each operation, decided once more: tests/access.test.ts notices one that is declared otherwise. */
import type { Access } from '../../shared/operations/operation.ts';

export const decisions: Record<string, Access> = {
  like: 'public',
  unlike: 'public',
  likes: 'public',
  likesOf: 'public',
  votes: 'public',
  ranking: 'public',
  genre: 'public',
  part: 'public',
};
