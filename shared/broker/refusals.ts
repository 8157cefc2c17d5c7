/** What the broker does not let this user do: said once each, and known to who asks why a service is not ready. */
import { AuthorizationError, PermissionViolationError } from '@nats-io/nats-core';
import type { Logger } from '../process/log.ts';

/** Readers and inboxes have another name each time. */
const uniquePart = /[A-Za-z0-9]{22}/g;

export function refusalsOf(user: string, log: Logger) {
  const { promise: first, reject } = Promise.withResolvers<never>();
  first.catch(() => {});
  const said = new Set<string>();
  return {
    /** Rejects with the first refusal. */
    first,
    /** Such as `publish votes.hub.1`; `connect` where the broker does not know the user. */
    get all() {
      return [...said];
    },
    /** Takes an error of the connection. Gives false for one that is no refusal. */
    take(error: unknown): boolean {
      const what = refusedBy(error);
      if (what === undefined) return false;
      if (said.has(what)) return true;
      said.add(what);
      const message = `the broker refuses ${user}: ${what}`;
      log.error({ refused: what }, `${message}. Has its user the right to it, and the service the right key?`);
      reject(new Error(message));
      return true;
    },
    /** Another connection may be of a user who may do more. */
    forget: () => said.clear(),
  };
}

const late = /timeout/i;

function refusedBy(error: unknown): string | undefined {
  // A machine that was too busy to say in time who it is was not refused.
  if (error instanceof AuthorizationError) return late.test(error.message) ? undefined : `connect (${error.message})`;
  if (!(error instanceof PermissionViolationError)) return undefined;
  return `${error.operation} ${error.subject.replace(uniquePart, '*')}`;
}
