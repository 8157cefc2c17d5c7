/** Circuit breakers: while a service does not respond, requests to it are refused at once instead of timing out. */
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen, isBrokenCircuitError } from 'cockatiel';
import { AppError } from '../../shared/operations/errors.ts';
import type { Logger } from '../../shared/process/log.ts';
import type { ServiceCaller } from '../../shared/rpc/caller.ts';
import { Unanswered } from '../../shared/rpc/service-client.ts';

const failuresToOpen = 5;
const halfOpenAfterMs = 500;

/** Sends a request to a service through its circuit breaker. @throws AppError the service's refusal, or unavailable */
export type Send = ServiceCaller['send'];

interface Breaker {
  policy: ReturnType<typeof circuitBreaker>;
  /** The policy's failure counter. `run` updates it directly while the breaker is closed. */
  failures: ConsecutiveBreaker;
}

/** A circuit breaker for each service. Five unanswered requests in a row open it; it then tries one a half second. */
export class Breakers {
  readonly #log: Logger;
  readonly #opened = new Map<string, number>();
  readonly #breakers = new Map<string, Breaker>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Runs `ask` unless the breaker is open. @throws AppError as `ask`, or unavailable while the breaker is open */
  run<T>(service: string, ask: () => Promise<T>): Promise<T> {
    const { policy, failures } = this.#of(service);
    // A trial request is under way. The policy would make all other requests wait for its result.
    if (policy.state === CircuitState.HalfOpen) return Promise.reject(notResponding(service));
    if (policy.state !== CircuitState.Closed) return execute(service, policy, ask);
    // `policy.execute` costs 5 % of a request. A closed breaker lets every request through and only counts the results.
    return ask().then(
      (answer) => {
        failures.success();
        return answer;
      },
      (error: unknown) => {
        if (!isUnanswered(error)) failures.success();
        else if (policy.state === CircuitState.Closed) return policy.execute(() => Promise.reject(error));
        throw error;
      },
    );
  }

  /** Returns, for each service asked so far, whether its breaker is open and how many times it has opened. */
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
      const policy = circuitBreaker(handleWhen(isUnanswered), { halfOpenAfter: halfOpenAfterMs, breaker: failures });
      policy.onBreak(() => {
        this.#opened.set(service, (this.#opened.get(service) ?? 0) + 1);
        this.#log.warn({ target: service }, 'the service does not respond: refusing requests to it');
      });
      policy.onReset(() => this.#log.warn({ target: service }, 'the service responds again'));
      breaker = { policy, failures };
      this.#breakers.set(service, breaker);
    }
    return breaker;
  }
}

/** Whether no replica answered this or any other request. Any answer, even an error, shows that the service is up. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Unanswered && error.noReplicaResponded;
}

async function execute<T>(service: string, policy: Breaker['policy'], ask: () => Promise<T>): Promise<T> {
  try {
    return await policy.execute(ask);
  } catch (error) {
    throw isBrokenCircuitError(error) ? notResponding(service) : error;
  }
}

function notResponding(service: string): AppError {
  return new AppError('unavailable', `The service ${service} is not responding. Try again in a moment.`);
}
