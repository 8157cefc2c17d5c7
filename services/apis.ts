/** Every service behind the gateway as others see it. The gateway and the API documents are made from this list. */
import type { ServiceApi } from '../shared/contract.ts';
import { moviesApi } from './movies/contract.ts';
import { rankingApi } from './ranking/contract.ts';
import { reminderApi } from './reminder/contract.ts';
import { supportApi } from './support/contract.ts';
import { technicalSupportApi } from './technical-support/contract.ts';

export const apis: readonly ServiceApi[] = [moviesApi, rankingApi, reminderApi, supportApi, technicalSupportApi];
