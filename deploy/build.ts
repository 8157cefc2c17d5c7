/**
 * `npm run build`: bundles the programs of this repository into dist/, laid out like the sources, so that files which a
 * source reads by a relative path (`./migrations/`, `movies.csv`) are beside its bundle, too.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type Metafile, type OutputFile, type Plugin } from 'esbuild';
import { readArguments, runProgram } from '../shared/process/command-line.ts';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');

/** Entry points. Services and projections are added below, so that a service that runs alone loads no other's code. */
const programs = [
  'services/main.ts',
  'shared/views/view-worker.ts',
  'streams/apply.ts',
  'streams/deadletters-cli.ts',
  'streams/archive-cli.ts',
  'seed/main.ts',
  'deploy/start.ts',
  'deploy/edge/main.ts',
  'deploy/backup.ts',
  'deploy/restore.ts',
  'deploy/snapshot-view.ts',
  'deploy/init.ts',
  'deploy/token.ts',
  'deploy/image/healthcheck.ts',
  'deploy/image/forward.ts',
];

/** Files that are read at run time by path. */
const runtimeFiles = [
  // drizzle-kit needs its schema snapshots only to generate migrations.
  'services/*/migrations/**/!(*_snapshot.json)',
  'seed/movies.csv',
  'services/web/style/*.css',
  'node_modules/swagger-ui-dist/{swagger-ui.css,swagger-ui-bundle.js,LICENSE,NOTICE}',
];

/** Sources that use `import.meta` in a way that works from any folder of the bundle. */
const worksFromAnyFolder = ['shared/views/view-client.ts', 'shared/docs/documents.ts', 'services/web/assets.ts'];

/** The only package outside the bundle, because it is native code. */
const external = ['better-sqlite3'];

/** Defines `require`, by which bundled CommonJS packages load Node's own modules. */
const banner =
  "import { createRequire as marqueeRequire } from 'node:module'; const require = marqueeRequire(import.meta.url);";

/** Leaves out zod's messages in fifty languages, a fifth of the code: only the English ones are used. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/**
 * Leaves the code of packages out of the source maps, which saves every process some 15 MB. An empty source map in a
 * file tells esbuild to map nothing of it.
 */
const mapOurs: Plugin = {
  name: 'map-our-code-only',
  setup({ onLoad }) {
    const emptyMap = Buffer.from('{"version":3,"sources":[""],"mappings":"AAAA"}').toString('base64');
    onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, ({ path }) => ({
      contents: `${readFileSync(path, 'utf8')}\n//# sourceMappingURL=data:application/json;base64,${emptyMap}`,
      loader: 'default',
    }));
  },
};

/**
 * Bundles into `folder` and returns esbuild's metafile. Only files that differ are replaced, each atomically, so that
 * running programs and a concurrent build are not disturbed.
 */
export async function buildAll(folder: string): Promise<Metafile> {
  const entries = [
    ...programs.filter((file) => existsSync(join(root, file))),
    ...globSync('services/*/{service,projections}.ts', { cwd: root }),
  ];
  const digest = digestOf(root);
  // Without it, the next `npm start` builds again if this build is interrupted.
  rmSync(join(folder, digestFile), { force: true });
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outbase: '.',
    outdir: relative(root, folder),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    chunkNames: 'shared/chunks/[name]-[hash]',
    external,
    plugins: [englishOnly, mapOurs],
    banner: { js: banner },
    legalComments: 'linked',
    sourcemap: 'linked',
    sourcesContent: false,
    minifySyntax: true,
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  checkImportMeta(metafile, relative(root, folder));
  outputFiles.push(...(await browserScript(folder)));
  const files = new Map<string, Uint8Array>(outputFiles.map(({ path, contents }) => [path, contents]));
  for (const path of runtimeFiles.flatMap((pattern) => globSync(pattern, { cwd: root }))) {
    const source = join(root, path);
    if (statSync(source).isFile()) files.set(join(folder, path), readFileSync(source));
  }
  // The nearest package.json tells Node that .js files are ES modules.
  files.set(join(folder, 'package.json'), Buffer.from(`${JSON.stringify({ type: 'module', private: true })}\n`));
  for (const [path, contents] of files) replace(path, contents);
  for (const entry of globSync('**', { cwd: folder, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !files.has(path) && !temporary.test(path)) rmSync(path, { force: true });
  }
  writeFileSync(join(folder, digestFile), digest);
  return metafile;
}

/** File in the bundle with the digest of its sources. */
const digestFile = 'sources.sha256';

/** All that the bundle depends on: sources, settings, and the lists of packages, in place of the packages themselves. */
const inputs = [
  '{deploy,seed,services,shared,streams}/**/*.*',
  '{package,package-lock,tsconfig}.json',
  'node_modules/.package-lock.json',
];

/** Returns a digest of all that a bundle of the sources below a folder depends on. */
export function digestOf(folder: string): string {
  const hash = createHash('sha256');
  for (const path of globSync(inputs, { cwd: folder }).sort()) {
    const file = join(folder, path);
    if (statSync(file).isFile()) hash.update(`${path}\n`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** Returns whether a folder has the bundle of the present sources. */
function isBuilt(folder: string): boolean {
  const file = join(folder, digestFile);
  return existsSync(file) && readFileSync(file, 'utf8') === digestOf(root);
}

/** Bundles the script that the web pages load in the browser. */
async function browserScript(folder: string): Promise<OutputFile[]> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['services/web/browser/app.ts'],
    outbase: '.',
    outdir: relative(root, folder),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'warning',
  });
  return outputFiles;
}

/** Name of a file that another build is writing. */
const temporary = /\.building-\d+$/;

function replace(path: string, contents: Uint8Array): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const written = `${path}.building-${process.pid}`;
  writeFileSync(written, contents);
  renameSync(written, path);
}

/** A source that uses `import.meta` must be bundled into a file of its own folder, not into a shared chunk. */
function checkImportMeta({ outputs }: Metafile, outdir: string): void {
  for (const [output, { inputs }] of Object.entries(outputs)) {
    for (const input of Object.keys(inputs)) {
      if (input.startsWith('node_modules/') || worksFromAnyFolder.includes(input) || !usesImportMeta(input)) continue;
      if (dirname(relative(outdir, output)) !== dirname(input)) {
        throw new Error(`${input} uses import.meta but would be bundled into ${output}: import it from one entry only`);
      }
    }
  }
}

function usesImportMeta(file: string): boolean {
  return file.endsWith('.ts') && readFileSync(join(root, file), 'utf8').includes('import.meta.');
}

const usage = `Usage: npm run build -- [--if-changed]

Bundles the services and programs into dist/.

  --if-changed   only if sources or installed packages have changed since the last time`;

if (import.meta.main) {
  await runProgram(async () => {
    const { values } = readArguments({ usage, options: { 'if-changed': { type: 'boolean', default: false } } });
    if (!values['if-changed'] || !isBuilt(dist)) await buildAll(dist);
  });
}
