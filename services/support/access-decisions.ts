/** Who may use each operation, decided once more: tests/access.test.ts notices one that is declared otherwise. */

export const decisions = {
  open: 'self',
  list: 'self',
  get: 'self',
  cancel: 'self',
};
