/** Who may use each operation, decided once more: tests/access.test.ts notices one that is declared otherwise. */

export const decisions = {
  get: 'public',
};
