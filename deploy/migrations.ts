/** `npm run migrations -- SERVICE --name WHAT [--custom]`: SQL from a change in services/SERVICE/schema.ts. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string' }, custom: { type: 'boolean', default: false } },
});
const [service] = positionals;
const folder = `services/${service}`;
if (!service || !existsSync(`${folder}/schema.ts`) || !values.name) {
  console.error('Usage: npm run migrations -- SERVICE --name WHAT [--custom]');
  process.exit(2);
}
const args = ['generate', '--dialect', 'sqlite', '--schema', `${folder}/schema.ts`, '--out', `${folder}/migrations`];
const all = [...args, '--name', values.name, ...(values.custom ? ['--custom'] : [])];
process.exitCode = spawnSync('drizzle-kit', all, { stdio: 'inherit' }).status ?? 1;
