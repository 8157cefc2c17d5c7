import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Connection } from '../../../shared/broker/connection.ts';
import { temporaryFolder } from '../../../tests/folder.ts';
import { ImportJobs } from './jobs.ts';

test('limits the number of imports when files are uploaded at the same time', async () => {
  using folder = temporaryFolder();
  using jobs = new ImportJobs({} as Connection, folder.path);
  const files = Array.from({ length: 9 }, () =>
    jobs.add('films.csv', Buffer.from('title\nAlien\n'), new Map(), undefined),
  );
  const added = await Promise.allSettled(files);
  assert.deepEqual(
    added.map(({ status }) => status),
    [...Array.from({ length: 8 }, () => 'fulfilled'), 'rejected'],
  );
});

test('removes the oldest import of a user to make room, but none of another user', async () => {
  using folder = temporaryFolder();
  using jobs = new ImportJobs({} as Connection, folder.path);
  const add = (userId: string) => jobs.add('films.csv', Buffer.from('title\nAlien\n'), new Map(), userId);
  const [first, second] = [await add('ann'), await add('ann')];
  for (let added = 2; added < 9; added++) await add('ann');
  assert.throws(() => jobs.of(first.id, 'ann'), { code: 'not_found' });
  assert.equal(jobs.of(second.id, 'ann'), second);
  await assert.rejects(add('bob'), { code: 'unavailable' });
});

test('stores files although the folder was removed, and answers unavailable when it cannot', async () => {
  using folder = temporaryFolder();
  using jobs = new ImportJobs({} as Connection, folder.path);
  const add = () => jobs.add('films.csv', Buffer.from('title\nAlien\n'), new Map(), undefined);
  await add();
  const [name = ''] = readdirSync(folder.path);
  rmSync(join(folder.path, name), { recursive: true });
  await add();
  rmSync(join(folder.path, name), { recursive: true });
  symlinkSync('nowhere', join(folder.path, name));
  await assert.rejects(add(), { code: 'unavailable' });
});

test('keeps the rejected rows when the rest of the file cannot be read', async () => {
  using folder = temporaryFolder();
  // No row has a title, so nothing is sent and no connection is needed.
  using jobs = new ImportJobs({} as Connection, folder.path);
  const rows = Array.from({ length: 1000 }, () => `,${randomBytes(1000).toString('hex')}`);
  const file = gzipSync(['title,description', ...rows].join('\n')).subarray(0, -100);
  const job = await jobs.add('cut.csv.gz', file, new Map([['title', ['title']]]), undefined);
  jobs.start(job, undefined);
  await expect.poll(() => job.state, { timeout: 60_000 }).toBe('failed');
  assert.match(job.lines.join('\n'), /rows read (\d+), .* rejected \1 .*cut\.csv\.gz cannot be read/s);
  assert.ok(!job.lines.join().includes(folder.path), 'messages do not reveal the path of the stored file');
  await assert.rejects(
    jobs.add('cut.csv.gz', file.subarray(0, 15), new Map(), undefined),
    /^UnusableFile: cut\.csv\.gz /,
  );
  assert.match(readFileSync(job.rejects ?? '', 'utf8'), /^\uFEFFLine,Column,Reason,title,description\n2,title,/);
});
