/** Circuit breakers: a service that keeps failing is refused at once instead of being waited for. */
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen, isBrokenCircuitError } from 'cockatiel';
import { AppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import { Unanswered } from '../../shared/rpc.ts';

const failuresToOpen = 5;
const halfOpenAfterMs = 500;

/** One breaker for each service. It opens after five requests in a row without an answer, and tries again twice a second. */
export class Breakers {
  readonly #log: Logger;
  readonly #opened = new Map<string, number>();
  readonly #breakers = new Map<string, ReturnType<typeof circuitBreaker>>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Runs `ask`, or refuses. @throws AppError what `ask` fails with, or unavailable while the breaker is open. */
  async run<T>(service: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await this.#of(service).execute(ask);
    } catch (error) {
      if (!isBrokenCircuitError(error)) throw error;
      throw new AppError('unavailable', `${service} has not been answering; it is tried again in a moment.`);
    }
  }

  /** Each service that was asked: whether its requests are refused now, and how often that began. */
  states(): { service: string; open: boolean; opened: number }[] {
    return [...this.#breakers].map(([service, { state }]) => ({
      service,
      open: state !== CircuitState.Closed,
      opened: this.#opened.get(service) ?? 0,
    }));
  }

  #of(service: string) {
    let breaker = this.#breakers.get(service);
    if (!breaker) {
      // Whatever a service answers, to this or another request, says that it is there; only silence counts.
      const unanswered = handleWhen((error) => error instanceof Unanswered && error.silence);
      breaker = circuitBreaker(unanswered, {
        halfOpenAfter: halfOpenAfterMs,
        breaker: new ConsecutiveBreaker(failuresToOpen),
      });
      breaker.onBreak(() => {
        this.#opened.set(service, (this.#opened.get(service) ?? 0) + 1);
        this.#log.warn({ target: service }, 'the service does not answer: refusing its requests');
      });
      breaker.onReset(() => this.#log.info({ target: service }, 'the service answers again'));
      this.#breakers.set(service, breaker);
    }
    return breaker;
  }
}
