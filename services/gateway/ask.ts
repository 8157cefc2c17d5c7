/** Service requests made by the web pages, under the same circuit breakers and rate limits as forwarded requests. */
import type { Ask } from '../web/pages.ts';
import type { Send } from './breakers.ts';
import type { WriteLimits } from './limits.ts';

/** Creates the function by which the pages ask services on behalf of their viewer. */
export function createAsk(send: Send, limits: WriteLimits | undefined): Ask {
  return async (operation, input, { caller, token, address, timeoutMs, position }) => {
    if (operation.kind === 'command') await limits?.admit(caller, address);
    const who = caller.open ? { user: caller.userId } : { token };
    const from = caller.userId === undefined ? address : undefined;
    const response = await send(operation, input, { timeoutMs, position, from, ...who });
    return { output: JSON.parse(response.body), position: response.position };
  };
}
