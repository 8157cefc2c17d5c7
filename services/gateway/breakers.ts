/** Circuit breakers: a service that keeps failing is refused at once instead of being waited for. */
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen, isBrokenCircuitError } from 'cockatiel';
import { AppError } from '../../shared/operations/errors.ts';
import type { Logger } from '../../shared/process/log.ts';
import type { ServiceCaller } from '../../shared/rpc/caller.ts';
import { Unanswered } from '../../shared/rpc/service-client.ts';

const failuresToOpen = 5;
const halfOpenAfterMs = 500;

/** Asks a service, unless it is known not to answer. @throws AppError what it refuses with, or unavailable */
export type Send = ServiceCaller['send'];

interface Breaker {
  policy: ReturnType<typeof circuitBreaker>;
  /** What the policy counts failures with. */
  failures: ConsecutiveBreaker;
}

/** One breaker for each service. It opens after five requests in a row without an answer, and tries again twice a second. */
export class Breakers {
  readonly #log: Logger;
  readonly #opened = new Map<string, number>();
  readonly #breakers = new Map<string, Breaker>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Runs `ask`, or refuses. @throws AppError what `ask` fails with, or unavailable while the breaker is open. */
  run<T>(service: string, ask: () => Promise<T>): Promise<T> {
    const { policy, failures } = this.#of(service);
    // One request tries whether it answers. The policy would have all others wait for what comes of it.
    if (policy.state === CircuitState.HalfOpen) return Promise.reject(notAnswering(service));
    if (policy.state !== CircuitState.Closed) return execute(service, policy, ask);
    // Closed, it lets all through, for 5 % of a request: it only has to hear of how that went.
    return ask().then(
      (answer) => {
        failures.success();
        return answer;
      },
      (error: unknown) => {
        if (!isSilence(error)) failures.success();
        else if (policy.state === CircuitState.Closed) return policy.execute(() => Promise.reject(error));
        throw error;
      },
    );
  }

  /** Each service that was asked: whether its requests are refused now, and how often that began. */
  states(): { service: string; open: boolean; opened: number }[] {
    return [...this.#breakers].map(([service, { policy }]) => ({
      service,
      open: policy.state !== CircuitState.Closed,
      opened: this.#opened.get(service) ?? 0,
    }));
  }

  #of(service: string): Breaker {
    let breaker = this.#breakers.get(service);
    if (!breaker) {
      const failures = new ConsecutiveBreaker(failuresToOpen);
      const policy = circuitBreaker(handleWhen(isSilence), { halfOpenAfter: halfOpenAfterMs, breaker: failures });
      policy.onBreak(() => {
        this.#opened.set(service, (this.#opened.get(service) ?? 0) + 1);
        this.#log.warn({ target: service }, 'the service does not answer: refusing its requests');
      });
      policy.onReset(() => this.#log.info({ target: service }, 'the service answers again'));
      breaker = { policy, failures };
      this.#breakers.set(service, breaker);
    }
    return breaker;
  }
}

/** Whatever a service answers, to this or another request, says that it is there; only the silence of all replicas counts. */
function isSilence(error: unknown): boolean {
  return error instanceof Unanswered && error.noReplicaResponded;
}

async function execute<T>(service: string, policy: Breaker['policy'], ask: () => Promise<T>): Promise<T> {
  try {
    return await policy.execute(ask);
  } catch (error) {
    throw isBrokenCircuitError(error) ? notAnswering(service) : error;
  }
}

function notAnswering(service: string): AppError {
  return new AppError('unavailable', `${service} has not been answering; it is tried again in a moment.`);
}
