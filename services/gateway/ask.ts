/** Asking services for the pages, by the same breakers and limits as what is forwarded. */
import type { Ask } from '../web/pages.ts';
import type { Send } from './breakers.ts';
import type { WriteLimits } from './limits.ts';

/** How the pages ask on behalf of whoever looks at them. */
export function askFor(send: Send, limits: WriteLimits | undefined): Ask {
  return async (operation, input, { caller, token, address, timeoutMs, position }) => {
    if (operation.kind === 'command') await limits?.admit(caller, address);
    const who = caller.open ? { user: caller.userId } : { token };
    const from = caller.userId === undefined ? address : undefined;
    const response = await send(operation, input, { timeoutMs, position, from, ...who });
    return { output: JSON.parse(response.body), position: response.position };
  };
}
