/** Rate limits on commands, per caller and per address. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Caller } from '../../shared/operations/access.ts';
import { AppError } from '../../shared/operations/errors.ts';

const windowS = 60;
/** Several callers may share an address, so its limit is this many times a caller's. */
const addressFactor = 5;

/** Counts commands in one-minute windows, in memory: each gateway replica counts only its own. */
export class WriteLimits {
  readonly #byCaller: RateLimiterMemory;
  readonly #byAddress: RateLimiterMemory;

  /** @param perMinute commands per minute allowed to one caller; one address may send five times as many */
  constructor(perMinute: number) {
    this.#byCaller = new RateLimiterMemory({ points: perMinute, duration: windowS, keyPrefix: 'caller' });
    this.#byAddress = new RateLimiterMemory({
      points: perMinute * addressFactor,
      duration: windowS,
      keyPrefix: 'address',
    });
  }

  /** Counts one command. Anonymous callers are counted by address. @throws AppError rate_limited with Retry-After */
  readonly admit = async ({ userId }: Caller, address: string): Promise<void> => {
    try {
      await this.#byAddress.consume(address);
      await this.#byCaller.consume(userId === undefined ? `anonymous ${address}` : `user ${userId}`);
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      const retryAfter = Math.max(1, Math.ceil(error.msBeforeNext / 1000));
      throw new AppError('rate_limited', 'Too many changes in a short time. Try again later.', { retryAfter });
    }
  };
}
