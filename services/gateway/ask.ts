/** Asking services for the pages, by the same breakers and limits as what is forwarded. */
import { fromProblem, type Problem } from '../../shared/operations/errors.ts';
import type { ServiceCaller } from '../../shared/rpc/caller.ts';
import type { Ask } from '../web/pages.ts';
import type { Breakers } from './breakers.ts';
import type { WriteLimits } from './limits.ts';

interface AskParts {
  caller: ServiceCaller;
  breakers: Breakers;
  limits: WriteLimits | undefined;
}

/** How the pages ask on behalf of whoever looks at them. */
export function askFor({ caller, breakers, limits }: AskParts): Ask {
  return async (operation, input, { caller: viewer, token, address, timeoutMs, position }) => {
    if (operation.kind === 'command') await limits?.admit(viewer, address);
    const service = operation.subject.slice(0, operation.subject.indexOf('.'));
    const who = viewer.open ? { user: viewer.userId } : { token };
    const reply = await breakers.run(
      service,
      () => caller.send(operation, input, { timeoutMs, position, ...who }),
      (answer) => answer,
    );
    const body = JSON.parse(reply.body) as unknown;
    if (reply.status >= 400) throw fromProblem(body as Problem);
    return { output: body, position: reply.position };
  };
}
