/** Paths that refused rows may be written to. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../tests/folder.ts';
import { findForm } from './csv/form.ts';
import { checkRejectsFile, Rejects } from './rejects.ts';

test('refuses a path that refused rows cannot be written to', () => {
  using folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const csv = at('films.csv');
  writeFileSync(csv, 'title\n');
  mkdirSync(at('folder'));
  symlinkSync(csv, at('link.csv'));
  const check = (rejects: string) => () => checkRejectsFile(csv, rejects);
  expect(check(at('new/folder/out.csv'))).not.toThrow();
  expect(check('/dev/null')).not.toThrow();
  expect(check(at('folder'))).toThrow('it is a folder');
  expect(check(at('films.csv/out.csv'))).toThrow(`films.csv/out.csv: ${csv} is not a folder`);
  expect(check(at('link.csv'))).toThrow('would overwrite');
});

test.each([',', ';', '\t', '|', '^'])('refused rows separated by %j can be read again', (delimiter) => {
  using folder = temporaryFolder();
  const rejects = new Rejects(join(folder.path, 'out.csv'), ['title', 'year'], { delimiter, quoted: true });
  rejects.add(2, [{ column: 'title', reason: 'is missing' }], ['', '1994']);
  expect(findForm(new TextDecoder().decode(readFileSync(rejects.file))).delimiter).toBe(delimiter);
});
