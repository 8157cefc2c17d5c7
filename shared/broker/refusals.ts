/** Collects the permissions that the broker denies: each is logged once, and listed for readiness checks. */
import { AuthorizationError, PermissionViolationError } from '@nats-io/nats-core';
import type { Logger } from '../process/log.ts';

/** The random part of consumer and inbox names. */
const uniquePart = /[A-Za-z0-9]{22}/g;

export function refusalsOf(user: string, log: Logger) {
  const { promise: first, reject } = Promise.withResolvers<never>();
  first.catch(() => {});
  const logged = new Set<string>();
  return {
    /** Rejects with the first refusal. */
    first,
    /** The refused actions, such as `publish votes.hub.1`; `connect` when the broker does not accept the user. */
    get all() {
      return [...logged];
    },
    /** Records an error of the connection. Returns whether it is a refusal. */
    record(error: unknown): boolean {
      const action = refusedAction(error);
      if (action === undefined) return false;
      if (logged.has(action)) return true;
      logged.add(action);
      const message = `the broker refuses ${user}: ${action}`;
      log.error({ refused: action }, `${message}. Check the permissions of its user, and the key of the service`);
      reject(new Error(message));
      return true;
    },
    /** Forgets all refusals: after a reconnect the user's permissions may be different. */
    clear: () => logged.clear(),
  };
}

const timedOut = /timeout/i;

function refusedAction(error: unknown): string | undefined {
  // An authorization timeout means that this machine was too busy to authenticate in time, and is not a refusal.
  if (error instanceof AuthorizationError)
    return timedOut.test(error.message) ? undefined : `connect (${error.message})`;
  if (!(error instanceof PermissionViolationError)) return undefined;
  return `${error.operation} ${error.subject.replace(uniquePart, '*')}`;
}
