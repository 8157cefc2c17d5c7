/** The contracts of all services behind the gateway. A new service needs an import and a line here. */
import type { Contract } from '../shared/contract.ts';
import { movies } from './movies/contract.ts';
import { ranking } from './ranking/contract.ts';
import { reminder } from './reminder/contract.ts';
import { support } from './support/contract.ts';
import { technicalSupport } from './technical-support/contract.ts';

export const contracts: Record<string, Contract> = {
  movies,
  ranking,
  reminder,
  support,
  'technical-support': technicalSupport,
};
