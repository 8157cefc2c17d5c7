/** Rate limits on commands, for each caller and each address. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Caller } from '../../shared/operations/access.ts';
import { AppError } from '../../shared/operations/errors.ts';

const windowS = 60;
/** Several callers may be behind one address. */
const addressFactor = 5;

/** Counts commands in windows of a minute, in memory: each gateway replica counts its own. */
export class WriteLimits {
  readonly #byCaller: RateLimiterMemory;
  readonly #byAddress: RateLimiterMemory;

  /** @param perMinute commands a minute for one caller; five times that for one address */
  constructor(perMinute: number) {
    this.#byCaller = new RateLimiterMemory({ points: perMinute, duration: windowS, keyPrefix: 'caller' });
    this.#byAddress = new RateLimiterMemory({
      points: perMinute * addressFactor,
      duration: windowS,
      keyPrefix: 'address',
    });
  }

  /** Counts one command. Someone unknown is counted as the address. @throws AppError rate_limited with Retry-After. */
  readonly admit = async ({ userId }: Caller, address: string): Promise<void> => {
    try {
      await this.#byAddress.consume(address);
      await this.#byCaller.consume(userId === undefined ? `unknown ${address}` : `user ${userId}`);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      const retryAfter = Math.max(1, Math.ceil(refused.msBeforeNext / 1000));
      throw new AppError('rate_limited', 'Too many changes in a short time.', { retryAfter });
    }
  };
}
