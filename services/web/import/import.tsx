/** The import pages: upload of a file, preview, progress, and download of the rejected rows. */
import { createReadStream, existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { FC } from 'hono/jsx';
import { type ColumnMap, readMap } from '../../../seed/layout/header.ts';
import { UnusableFile } from '../../../seed/unusable-file.ts';
import { AppError, messageOf } from '../../../shared/operations/errors.ts';
import { Act, Facts, Problem, Table, useVisit } from '../components.tsx';
import { readForm } from '../form.ts';
import type { Texts } from '../texts/en.ts';
import type { PageContext } from '../visit.ts';
import type { FilePreview, ImportJobs, Job } from './jobs.ts';

/** Largest upload in bytes. Larger files need `npm run seed`, which does not hold the file in memory. */
export const maxFileBytes = 32_000_000;
const pollMs = '1000';

/** GET /import */
export function importPage(c: PageContext, shown: Shown = {}): Response | Promise<Response> {
  const { visit } = c.var;
  if (shown.problem !== undefined) c.status(400);
  return c.render(<FileForm {...shown} />, { title: visit.texts.import.title });
}

interface Shown {
  problem?: string;
  /** The column mapping that was typed. */
  map?: string;
}

const FileForm: FC<Shown> = ({ problem, map }) => {
  const { texts } = useVisit();
  return (
    <form class="sheet drop" method="post" action="/import" enctype="multipart/form-data" data-drop>
      <h1>{texts.import.title}</h1>
      <p>{texts.import.intro}</p>
      <Problem text={problem} />
      <label>
        <span>{texts.import.file}</span>
        <input type="file" name="file" required accept=".csv,.tsv,.txt,.gz,.zst,text/csv,text/tab-separated-values" />
      </label>
      <label>
        <span>{texts.import.map}</span>
        <input name="map" value={map} maxlength={2000} placeholder="title=Film, year=Released, actors=Star1+Star2" />
      </label>
      <button type="submit" class="button strong">
        {texts.import.look}
      </button>
    </form>
  );
};

/** POST /import. Stores the file and redirects to its preview. */
export function receiveFile(jobs: ImportJobs) {
  return async (c: PageContext): Promise<Response> => {
    const { visit } = c.var;
    const { file, form } = await readForm(c, 'file');
    const { map = '' } = form;
    if (!file?.size) return importPage(c, { problem: visit.texts.import.none, map });
    try {
      const columns = mapOf(map.trim());
      const job = await jobs.add(file.name, new Uint8Array(await file.arrayBuffer()), columns, visit.userId);
      return c.redirect(`/import/${job.id}`, 303);
    } catch (error) {
      if (!(error instanceof UnusableFile)) throw error;
      return importPage(c, { problem: withoutOptions(error.message, visit.texts), map });
    }
  };
}

/**
 * Rewrites a message of the seed, which names command-line options: `--map` becomes the name of the form field, and
 * `--encoding`, which the form does not have, becomes advice.
 */
function withoutOptions(message: string, texts: Texts): string {
  return message.replaceAll('--map ', `"${texts.import.map}" `).replace(/try --encoding \S+$/, texts.import.asUtf8);
}

/** @throws UnusableFile if the mapping cannot be parsed */
function mapOf(typed: string): ColumnMap {
  try {
    return readMap(typed === '' ? [] : [typed]);
  } catch (error) {
    throw new UnusableFile(messageOf(error));
  }
}

/** GET /import/:id */
export function jobPage(jobs: ImportJobs) {
  return (c: PageContext): Response | Promise<Response> => {
    const job = findJob(c, jobs);
    const { texts } = c.var.visit;
    const isOver = job.state === 'done' || job.state === 'failed';
    return c.render(
      <>
        <h1 dir="auto">{job.name}</h1>
        <section id="import" data-poll={isOver ? undefined : pollMs}>
          {job.state === 'understood' ? (
            <>
              <Preview preview={job.preview} />
              <Act to={`/import/${job.id}/start`} class="button strong" swap="#import">
                {texts.import.start}
              </Act>
            </>
          ) : (
            <Progress job={job} />
          )}
        </section>
        <p>
          <a href="/import">{texts.import.another}</a>
        </p>
      </>,
      { title: texts.import.title },
    );
  };
}

/** POST /import/:id/start */
export function startJob(jobs: ImportJobs) {
  return (c: PageContext): Response => {
    const job = findJob(c, jobs);
    jobs.start(job, c.var.visit.token);
    return c.redirect(`/import/${job.id}`, 303);
  };
}

/** GET /import/:id/rejects: the rejected rows with the reasons. */
export function rejectsOf(jobs: ImportJobs) {
  return (c: PageContext): Response => {
    const { rejects, name } = findJob(c, jobs);
    if (rejects === undefined || !existsSync(rejects))
      throw new AppError('not_found', 'This import has no rejected rows.');
    const file = `${name.replace(/(\.(csv|tsv|txt))?(\.(gz|zst))?$/i, '').replace(/[^\w.-]+/g, '_')}.rejects.csv`;
    return c.body(Readable.toWeb(createReadStream(rejects)) as ReadableStream, 200, {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="${file}"`,
    });
  };
}

function findJob(c: PageContext, jobs: ImportJobs): Job {
  return jobs.of(c.req.param('id') ?? '', c.var.visit.userId);
}

const Preview: FC<{ preview: FilePreview }> = ({ preview }) => {
  const { texts } = useVisit();
  const { layout, encoding, delimiter, fields, ignored, columns, rows } = preview;
  return (
    <>
      <p>{texts.import.understood(layout ?? texts.import.byNames, encoding, delimiter === '\t' ? 'tab' : delimiter)}</p>
      <Facts
        rows={fields.map(({ field, columns: from }) => [
          // Without the form's hint on how to type the field.
          ((texts.edit.fields as Record<string, string>)[field] ?? field).split(',')[0] as string,
          from.join(' + '),
        ])}
      />
      {ignored.length > 0 ? <p class="quiet">{texts.import.ignored(ignored.join(', '))}</p> : null}
      <h2 id="rows-title">{texts.import.rows}</h2>
      <Table titleId="rows-title" columns={columns}>
        {rows.map((row) => (
          <tr>
            {columns.map((_, index) => (
              <td dir="auto">{(row[index] ?? '').slice(0, 80)}</td>
            ))}
          </tr>
        ))}
      </Table>
    </>
  );
};

const Progress: FC<{ job: Job }> = ({ job }) => {
  const { texts } = useVisit();
  return (
    <>
      <label class="progress">
        <span>{texts.import.states[job.state]}</span>
        <progress max={1} value={job.progress}>
          {Math.round(job.progress * 100)} %
        </progress>
      </label>
      <ul class="said">
        {job.lines.map((line) => (
          <li dir="auto" lang="en">
            {line}
          </li>
        ))}
      </ul>
      {job.rejects === undefined ? null : (
        <a class="button strong" href={`/import/${job.id}/rejects`} download>
          {texts.import.rejects}
        </a>
      )}
    </>
  );
};
