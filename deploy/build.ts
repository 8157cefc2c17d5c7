/**
 * `npm run build`: bundles the programs of this repository into dist/, laid out as the sources are, so that whatever
 * is found beside a source file (`./migrations/`, `movies.csv`) is found beside its bundle too.
 */
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type Metafile, type OutputFile, type Plugin } from 'esbuild';
import { readArguments, runProgram } from '../shared/process/command-line.ts';

const root = resolve(import.meta.dirname, '..');

/** Programs, and each service and its view as files of their own, so that one that runs alone loads nothing of the others. */
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

/** Folders and files that are read at run time, by path. */
const beside = [
  // drizzle-kit's snapshots of schemas are for making migrations only.
  'services/*/migrations/**/!(*_snapshot.json)',
  'seed/movies.csv',
  'services/web/style/*.css',
  'node_modules/swagger-ui-dist/{swagger-ui.css,swagger-ui-bundle.js,LICENSE,NOTICE}',
];

/** Ask where they are in a way that is right from every folder of the bundle. */
const fromAnyFolder = ['shared/views/view-thread.ts', 'shared/docs/documents.ts', 'services/web/assets.ts'];

/** The only package that the bundle does not hold: it is native code. */
const external = ['better-sqlite3'];

/** CommonJS packages inside an ES module still ask for Node's own modules with `require`. */
const banner =
  "import { createRequire as marqueeRequire } from 'node:module'; const require = marqueeRequire(import.meta.url);";

/** zod's messages in fifty languages are a fifth of the code, and nobody asks for any but English. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/**
 * Leaves the code of packages out of the source maps: with it they cost every process some 15 MB. An empty map of a
 * file's own is what tells esbuild to map nothing of it.
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
 * Bundles into `folder` and gives the paths of what is there then. A file is replaced only where it differs, and whole:
 * programs that run from the same folder, and another build at the same time, are not disturbed.
 */
export async function buildAll(folder = join(root, 'dist')): Promise<Metafile> {
  const entries = [
    ...programs.filter((file) => existsSync(join(root, file))),
    ...globSync('services/*/{service,projections}.ts', { cwd: root }),
  ];
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
  checkPlaces(metafile, relative(root, folder));
  outputFiles.push(...(await browserScript(folder)));
  const files = new Map<string, Uint8Array>(outputFiles.map(({ path, contents }) => [path, contents]));
  for (const path of beside.flatMap((pattern) => globSync(pattern, { cwd: root }))) {
    const source = join(root, path);
    if (statSync(source).isFile()) files.set(join(folder, path), readFileSync(source));
  }
  // Node decides by the nearest package.json what a .js file is.
  files.set(join(folder, 'package.json'), Buffer.from(`${JSON.stringify({ type: 'module', private: true })}\n`));
  for (const [path, contents] of files) replace(path, contents);
  for (const entry of globSync('**', { cwd: folder, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !files.has(path) && !temporary.test(path)) rmSync(path, { force: true });
  }
  return metafile;
}

/** The script of the pages, for browsers. */
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

/** The name of a file that a build is writing. */
const temporary = /\.building-\d+$/;

function replace(path: string, contents: Uint8Array): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const written = `${path}.building-${process.pid}`;
  writeFileSync(written, contents);
  renameSync(written, path);
}

/** A source that asks where it is must be in the output file of the same folder, not in a shared chunk. */
function checkPlaces({ outputs }: Metafile, outdir: string): void {
  for (const [output, { inputs }] of Object.entries(outputs)) {
    for (const input of Object.keys(inputs)) {
      if (input.startsWith('node_modules/') || fromAnyFolder.includes(input) || !asksWhereItIs(input)) continue;
      if (dirname(relative(outdir, output)) !== dirname(input)) {
        throw new Error(`${input} uses import.meta and would end up in ${output}: make it part of one entry only`);
      }
    }
  }
}

function asksWhereItIs(file: string): boolean {
  return file.endsWith('.ts') && readFileSync(join(root, file), 'utf8').includes('import.meta.');
}

if (import.meta.main) {
  await runProgram(async () => {
    readArguments({ usage: 'Usage: npm run build\n\nBundles the services and programs into dist/.' });
    await buildAll();
  });
}
