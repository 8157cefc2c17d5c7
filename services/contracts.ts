/** All services behind the gateway, as others see them. A new service needs an import and a word here. */
import type { Contract, ServiceApi } from '../shared/operations/operation.ts';
import { moviesApi } from './movies/contract.ts';
import { rankingApi } from './ranking/contract.ts';
import { reminderApi } from './reminder/contract.ts';
import { supportApi } from './support/contract.ts';
import { technicalSupportApi } from './technical-support/contract.ts';

export const apis: readonly ServiceApi[] = [moviesApi, rankingApi, reminderApi, supportApi, technicalSupportApi];

/** Their operations, by the name of the service. */
export const contracts: Record<string, Contract> = Object.fromEntries(
  apis.map(({ name, contract }) => [name, contract]),
);
