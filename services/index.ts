/** Every service of the system. A new one needs a line here and its folder. */
import type { StartService } from '../shared/service.ts';

/** Loads only what is started: one service alone must not pay for the others. */
export const services: Record<string, () => Promise<StartService>> = {
  gateway: async () => (await import('./gateway/service.ts')).startGateway,
  movies: async () => (await import('./movies/service.ts')).startMovies,
  ranking: async () => (await import('./ranking/service.ts')).startRanking,
  reminder: async () => (await import('./reminder/service.ts')).startReminder,
  support: async () => (await import('./support/service.ts')).startSupport,
  'technical-support': async () => (await import('./technical-support/service.ts')).startTechnicalSupport,
};
