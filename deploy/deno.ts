/** The command that runs a script of this repository on Deno (npm package `deno`). */
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

export interface Command {
  command: string;
  args: string[];
}

/** The command that runs a script on Deno, with the permissions that this environment asks for. */
export function denoCommand(script: string, _env: Record<string, string | undefined> = process.env): Command {
  return { command: join(root, 'node_modules/.bin/deno'), args: ['run', '-A', script] };
}
