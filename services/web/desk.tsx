/** The support desk, where agents assign and resolve service orders. */
import type { FC } from 'hono/jsx';
import { toAppError } from '../../shared/operations/errors.ts';
import { type Order, order as orderSchema, technicalSupport } from '../technical-support/contract.ts';
import { Act, hrefOf, Pager, Problem, useVisit } from './components.tsx';
import { goBack } from './form.ts';
import { maxCharacters, TooLate } from './help.tsx';
import type { PageContext } from './visit.ts';
import { readable } from './zone.ts';

const orderStates = orderSchema.shape.state.options;
const pageSize = 30;
const pollMs = '3000';
const swap = '#orders';

export async function desk(c: PageContext, problem?: string): Promise<Response> {
  const { visit } = c.var;
  const { texts } = visit;
  const state = orderStates.find((one) => one === c.req.query('state'));
  const cursor = c.req.query('cursor') || undefined;
  const orders = await visit.part(technicalSupport.list, { limit: pageSize, state, cursor });
  if (problem !== undefined) c.status(400);
  return c.render(
    <>
      <h1>{texts.desk.title}</h1>
      <p class="quiet">{texts.desk.intro}</p>
      <Problem text={problem} />
      <nav class="tabs" aria-label={texts.desk.title}>
        {(['all', ...orderStates] as const).map((one) => (
          <a
            href={hrefOf('/desk', one === 'all' ? {} : { state: one })}
            aria-current={one === (state ?? 'all') ? 'page' : undefined}
          >
            {texts.desk.states[one]}
          </a>
        ))}
      </nav>
      <div id="orders" data-poll={pollMs}>
        {orders?.items.length === 0 ? <p class="empty">{texts.desk.none}</p> : null}
        <ul class="orders">
          {(orders?.items ?? []).map((order) => (
            <OrderCard order={order} />
          ))}
        </ul>
        <Pager path="/desk" query={{ state, cursor }} next={orders?.next ?? null} />
      </div>
    </>,
    { title: texts.desk.title },
  );
}

const OrderCard: FC<{ order: Order }> = ({ order }) => {
  const visit = useVisit();
  const { texts, userId } = visit;
  const isOpen = order.state === 'acknowledged' || order.state === 'assigned';
  const isMine = order.assignee !== null && order.assignee === userId;
  return (
    <li class="order">
      <header>
        <span class={`state ${order.state}`}>{texts.desk.states[order.state]}</span>
        <span dir="auto">{texts.desk.from(order.userId)}</span>
        <span class="quiet">{readable(order.openedAt, visit)}</span>
        {order.assignee === null ? null : <strong dir="auto">{texts.desk.assignee(order.assignee)}</strong>}
      </header>
      <blockquote dir="auto">{order.message}</blockquote>
      {order.resolution === null ? null : (
        <blockquote class="answer" dir="auto">
          {order.resolution}
        </blockquote>
      )}
      <TooLate history={order.history} />
      {isOpen ? (
        <div class="line">
          {isMine ? null : (
            <Act to={`/desk/${order.orderId}/assign`} swap={swap}>
              {order.assignee === null ? texts.desk.mine : texts.desk.take}
            </Act>
          )}
          <ResolveForm order={order} />
        </div>
      ) : null}
    </li>
  );
};

const ResolveForm: FC<{ order: Order }> = ({ order }) => {
  const { texts, path } = useVisit();
  return (
    <details class="resolve">
      <summary class="button">{texts.desk.resolve}</summary>
      <form method="post" action={`/desk/${order.orderId}/resolve`} data-swap={swap}>
        <input type="hidden" name="back" value={path} />
        <label>
          <span>{texts.desk.resolution}</span>
          <textarea name="resolution" rows={3} required maxlength={maxCharacters}></textarea>
        </label>
        <button type="submit" class="button strong">
          {texts.desk.resolve}
        </button>
      </form>
    </details>
  );
};

/** POST /desk/:orderId/assign. Assigns the order to the signed-in agent. */
export async function assignOrder(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  await visit.ask(technicalSupport.assign, { orderId: orderIdOf(c), assignee: visit.user });
  return goBack(c, '/desk');
}

/** POST /desk/:orderId/resolve */
export async function resolveOrder(c: PageContext): Promise<Response> {
  const { visit } = c.var;
  const { resolution = '' } = visit.form;
  const orderId = orderIdOf(c);
  try {
    await visit.ask(technicalSupport.resolve, { orderId, resolution });
  } catch (error) {
    const { code } = toAppError(error);
    if (code === 'invalid') return desk(c, visit.texts.desk.empty);
    if (code !== 'conflict') throw error;
    // After a double click the first request has already stored this resolution.
    const order = await visit.ask(technicalSupport.get, { orderId });
    if (order.resolution !== resolution.trim()) throw error;
  }
  return goBack(c, '/desk');
}

const orderIdOf = (c: PageContext): string => c.req.param('orderId') as string;
