/** The status page: problems, services, streams and sites. */
import type { Child, FC } from 'hono/jsx';
import type { Connection } from '../../../shared/broker/connection.ts';
import { version } from '../../../shared/process/version.ts';
import { siteProblems, siteStates } from '../../../streams/site-links.ts';
import { Table, useVisit } from '../components.tsx';
import type { PageContext, Visit } from '../visit.ts';
import { readable } from '../zone.ts';
import type { History, Point } from './history.ts';
import type { OperatorLink } from './link.ts';
import { Plot } from './plot.tsx';
import { Sites } from './sites.tsx';
import { lettersWaiting, type Replica, replicasOf, type StreamState, streamStates } from './survey.ts';

const pollMs = '5000';

export interface StatusParts {
  connection: Connection;
  link: OperatorLink;
  history: History;
  /** Names of the services that are expected to run. */
  services: readonly string[];
}

export function statusPage({ connection, link, history, services }: StatusParts) {
  return async (c: PageContext): Promise<Response> => {
    const { visit } = c.var;
    const { texts } = visit;
    const show = (content: Child) =>
      c.render(
        <>
          <h1>{texts.status.title}</h1>
          <div id="status" data-poll={pollMs}>
            {content}
          </div>
        </>,
        { title: texts.status.title },
      );
    if (!connection.connected) return show(<Verdict problems={[texts.missing.broker as string]} />);
    const operator = link();
    const { sites } = connection;
    const [replicas, streams, letters, siteState] = await Promise.all([
      replicasOf(connection.link, services),
      operator ? streamStates(operator) : null,
      operator ? lettersWaiting(operator).catch(() => 'unknown' as const) : 0,
      sites.sites.length > 1 ? siteStates(connection.link.nc, sites) : null,
    ]);
    const problems = [
      ...problemsOf(visit, { replicas, streams, letters, services }),
      ...(siteState ? siteProblems(siteState) : []),
    ];
    return show(
      <>
        <Verdict problems={problems} />
        <Services services={services} replicas={replicas} points={history.watch()} />
        {streams === null ? (
          <p class="quiet">{texts.status.noKey}</p>
        ) : (
          <Streams streams={streams} replicas={replicas} />
        )}
        {siteState ? <Sites site={sites.site} states={siteState} /> : null}
        <p class="line">
          {operator ? (
            <a class="button" href="/status/letters">
              {texts.status.letters(letters === 'unknown' ? '?' : letters)}
            </a>
          ) : null}
          <a class="button" href="/film-new">
            {texts.edit.add}
          </a>
          <a class="button" href="/import">
            {texts.import.title}
          </a>
        </p>
        <p class="quiet">
          {texts.status.gateway(version)} · {texts.updated} {readable(new Date().toISOString(), visit)}
        </p>
      </>,
    );
  };
}

interface Found {
  replicas: Replica[];
  /** Null without access to the streams. */
  streams: StreamState[] | null;
  letters: number | 'unknown';
  services: readonly string[];
}

/** Describes every problem that needs attention. */
function problemsOf({ texts }: Visit, { replicas, streams, letters, services }: Found): string[] {
  const silent = services.filter((name) => !replicas.some(({ service }) => service === name));
  const behind = replicas.filter(({ state }) => state !== null && !state.caughtUp);
  return [
    ...silent.map((name) => texts.status.silent(name)),
    ...behind.map(({ service, id }) => texts.status.behind(service, id.slice(-6))),
    ...new Set(replicas.flatMap(({ state }) => state?.problems ?? [])),
    ...(streams ?? []).filter(({ state }) => !state).map(({ name }) => texts.status.streamUnknown(name)),
    ...(letters === 'unknown' ? [texts.status.lettersUnknown] : []),
    ...(typeof letters === 'number' && letters > 0 ? [texts.status.lettersWait(letters)] : []),
  ];
}

const Verdict: FC<{ problems: string[] }> = ({ problems }) => {
  const { texts } = useVisit();
  return problems.length === 0 ? (
    <p class="verdict good">{texts.status.well}</p>
  ) : (
    <div class="verdict bad">
      <strong>{texts.status.notWell}</strong>
      <ul>
        {problems.map((problem) => (
          <li>{problem}</li>
        ))}
      </ul>
    </div>
  );
};

const Services: FC<{
  services: readonly string[];
  replicas: Replica[];
  points: ReadonlyMap<string, readonly Point[]>;
}> = ({ services, replicas, points }) => {
  const visit = useVisit();
  const { texts } = visit;
  return (
    <section>
      <h2>{texts.status.services}</h2>
      <ul class="services">
        {services.map((name) => {
          const own = replicas.filter(({ service }) => service === name);
          const of = points.get(name) ?? [];
          return (
            <li class="service">
              <h3>
                <span class={own.length > 0 ? 'lamp on' : 'lamp'} aria-hidden="true"></span>
                {name}
              </h3>
              <p class="quiet">{texts.status.replicas(own.length)}</p>
              <Plot values={of.map(({ rate }) => rate)} label={texts.status.rate} unit="/s" />
              <Plot values={of.map(({ latency }) => latency)} label={texts.status.latency} unit="ms" />
              <ul class="replicas">
                {own.map((replica) => (
                  <li>
                    <code>{replica.id.slice(-6)}</code> {replica.version} ·{' '}
                    {texts.status.since(readable(replica.started, visit))}
                    {replica.state === null
                      ? null
                      : ` · ${replica.state.caughtUp ? texts.status.caughtUp : texts.status.notCaughtUp}`}
                  </li>
                ))}
              </ul>
            </li>
          );
        })}
      </ul>
    </section>
  );
};

const Streams: FC<{ streams: StreamState[]; replicas: Replica[] }> = ({ streams, replicas }) => {
  const { texts, language } = useVisit();
  const number = (value: number | undefined): string => value?.toLocaleString(language) ?? '–';
  return (
    <section>
      <h2 id="streams-title">{texts.status.streams}</h2>
      <Table
        titleId="streams-title"
        columns={[texts.status.stream, texts.status.messages, texts.status.size, texts.status.lags]}
      >
        {streams.map(({ name, description, state }) => (
          <tr>
            <th scope="row">
              {name}
              <span class="quiet">{description}</span>
            </th>
            <td>{number(state?.messages)}</td>
            <td>{number(state && Math.round(state.bytes / 1024))} KiB</td>
            <td>
              {replicas.flatMap(({ service, state: replica }) =>
                (replica?.streams ?? [])
                  .filter(({ stream }) => stream === name)
                  .map(({ sequence }) => (
                    <span class="lag">
                      {service} <strong>{number(state && Math.max(0, state.lastSequence - sequence))}</strong>
                    </span>
                  )),
              )}
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
};
