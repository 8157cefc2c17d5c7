/**
 * Projection of the toy view: the voters of VOTES in order. Parameters of its URL: `version`; `mark`, a suffix of each
 * voter, which shows the version that wrote a row; `migrations`, their folder; `gate`, to read the stream GATE, too;
 * `fails`, a voter whose event always fails; `group`, its group; `finish`, a file that the end of a build waits for;
 * `into`, another table to write to; `crash`, a file without which the voter `crash` ends the thread after its row.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { voteGiven } from '../services/ranking/contract.ts';
import type { StoredEvent } from '../shared/broker/event-codec.ts';
import { event } from '../shared/operations/event.ts';
import type { ViewProjections } from '../shared/views/projection.ts';

const options = new URL(import.meta.url).searchParams;
const mark = options.get('mark') ?? '';
const fails = options.get('fails');
const into = options.get('into') ?? 'voters';
const crash = options.get('crash');
const finish = options.get('finish');

/** A stream that a test may create later: until then a view that reads it is not complete. */
const gate = event({ ...voteGiven, stream: 'GATE', subject: 'gate.{site}.{movieId}' });

export const projections: ViewProjections = {
  version: Number(options.get('version')),
  migrations: new URL(options.get('migrations') ?? ''),
  group: () => options.get('group') ?? undefined,
  prepare(db) {
    const put = db.$client.prepare(`INSERT OR REPLACE INTO ${into} (sequence, voter) VALUES (?, ?)`);
    const apply = ({ sequence, data }: StoredEvent): void => {
      const { voterId } = data as { voterId: string };
      if (voterId === fails) throw new Error('never works');
      put.run(sequence, voterId + mark);
      if (crash === null || voterId !== 'crash' || existsSync(crash)) return;
      writeFileSync(crash, '');
      setImmediate(() => {
        throw new Error('a defect');
      });
    };
    return [voteGiven, ...(options.has('gate') ? [gate] : [])].map((type) => ({
      stream: type.stream,
      filter: `${type.subject.split('.')[0]}.>`,
      events: [type],
      apply,
      complete: () => (finish === null || existsSync(finish) ? undefined : 'a file is waited for'),
    }));
  },
};
