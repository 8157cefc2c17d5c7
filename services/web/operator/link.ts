/** The connection for the operator's pages. The gateway's own key may not read streams or change dead letters. */
import { Connection, type Link } from '../../../shared/broker/connection.ts';
import type { Config } from '../../../shared/process/config.ts';
import type { Logger } from '../../../shared/process/log.ts';

/** Returns the link with the operator's rights, or undefined if this gateway has no operator key. */
export type OperatorLink = () => Link | undefined;

/**
 * Opens a connection with the operator's key if one is configured. Otherwise uses the gateway's own connection, unless
 * it has an nkey: deploy/nats gives each service an nkey with few rights. A user with a password may do everything.
 * @param stack closes the connection that is opened here
 */
export function operatorLink(own: Connection, config: Config, log: Logger, stack: AsyncDisposableStack): OperatorLink {
  const { nats, operatorNkeySeed } = config;
  if (operatorNkeySeed !== undefined) {
    const asOperator = { ...nats, user: undefined, password: undefined, nkeySeed: operatorNkeySeed };
    const connection = stack.use(new Connection({ ...config, nats: asOperator }, 'operator', log));
    return () => connection.link;
  }
  const isRestricted = nats.nkeySeed !== undefined;
  return () => (isRestricted ? undefined : own.link);
}
