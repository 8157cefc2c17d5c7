/**
 * `npm run new -- service NAME`: creates a small working service with a test, laid out like the others: a renamed copy
 * of deploy/new-service, its line in services/index.ts, and its block and volume in docker-compose.yml.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { services } from '../services/index.ts';
import { readArguments, refuseArguments, runProgram } from '../shared/process/command-line.ts';

const root = resolve(import.meta.dirname, '..');
const indexFile = join(root, 'services/index.ts');
const composeFile = join(root, 'docker-compose.yml');

/** A service's name in the spelling of subjects and paths, of code, of types, and of environment variables. */
interface Names {
  kebab: string;
  camel: string;
  pascal: string;
  variable: string;
}

function namesOf(kebab: string): Names {
  const pascal = kebab.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
  const camel = pascal.charAt(0).toLowerCase() + pascal.slice(1);
  return { kebab, camel, pascal, variable: kebab.toUpperCase().replaceAll('-', '_') };
}

/** Replaces the names of the sample service in a text or path. */
function renamed(text: string, { kebab, camel, pascal, variable }: Names, port: number): string {
  return text
    .replaceAll('a-sample', kebab)
    .replaceAll('aSample', camel)
    .replaceAll('ASample', pascal)
    .replaceAll('A_SAMPLE', variable)
    .replaceAll('../../services/', '../')
    .replace('port: 8099', `port: ${port}`);
}

function writeFolder(names: Names, port: number): void {
  const from = join(import.meta.dirname, 'new-service');
  for (const entry of globSync('**/*', { cwd: from, withFileTypes: true }).filter((one) => one.isFile())) {
    const file = join(entry.parentPath, entry.name);
    const target = join(root, 'services', names.kebab, renamed(file.slice(from.length + 1), names, port));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, renamed(readFileSync(file, 'utf8'), names, port));
  }
}

/** Inserts `added` before the first line that begins with `before`. @throws Error when there is no such line */
function insert(file: string, before: string, added: string): void {
  const text = readFileSync(file, 'utf8');
  const at = text.indexOf(`\n${before}`) + 1;
  if (at === 0) throw new Error(`${file} has no line that begins with ${before}`);
  writeFileSync(file, text.slice(0, at) + added + text.slice(at));
}

function writeIndex({ kebab, camel, pascal }: Names): void {
  insert(indexFile, 'export interface Service', `import { ${camel}Contract } from './${kebab}/contract.ts';\n\n`);
  const load = `async () => (await import('./${kebab}/service.ts')).start${pascal}`;
  insert(indexFile, '];', `  { ...${camel}Contract, load: ${load} },\n`);
}

function writeCompose({ kebab, variable }: Names, port: number): void {
  insert(
    composeFile,
    '  # The entrance.',
    `  ${kebab}:
    <<: *service
    scale: \${${variable}_REPLICAS:-1}
    command: [dist/services/main.js, ${kebab}]
    environment:
      <<: *environment
      HEALTH_PORT: ${port}
      REPLICA_FOLDERS: 1
      NATS_NKEY_SEED: \${NKEY_${variable}_SEED:-}
    volumes: [${kebab}:/data]

`,
  );
  insert(composeFile, '  certificates:\n  prometheus:', `  ${kebab}:\n`);
}

function run(...command: [string, ...string[]]): void {
  const [program, ...args] = command;
  const { status } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`${command.join(' ')} failed`);
}

function make(kebab: string): void {
  if (existsSync(join(root, 'services', kebab))) throw new Error(`services/${kebab} already exists`);
  const names = namesOf(kebab);
  const port = Math.max(...services.map((service) => service.port)) + 1;
  writeFolder(names, port);
  writeIndex(names);
  writeCompose(names, port);
  run('biome', 'check', '--write', 'services/index.ts', `services/${kebab}`);
  run('node', 'deploy/write.ts');
  run('node', 'docs/api/write.ts');
  console.log(`Created services/${kebab} on port ${port}. To try it:
  npx vitest run services/${kebab} services/index.test.ts
  npm start
  curl http://127.0.0.1:8080/${kebab}/1
Then change its operations (contract.ts) and the events that it reads (projections.ts), and describe it in README.md.`);
}

const usage = 'Usage: npm run new -- service NAME   (lower-case letters, digits and hyphens)';

await runProgram(() => {
  const [what, name = ''] = readArguments({ usage, positionals: { min: 2, max: 2 } }).positionals;
  if (what !== 'service' || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    refuseArguments(`invalid arguments: ${what} ${name}`, usage);
  make(name);
});
