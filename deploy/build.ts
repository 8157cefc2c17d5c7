/**
 * `npm run build`: bundles the programs of this repository into dist/, laid out as the sources are, so that whatever
 * is found beside a source file (`./migrations/`, `movies.csv`) is found beside its bundle too.
 */
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { messageOf } from '../shared/operations/errors.ts';

const root = resolve(import.meta.dirname, '..');

/** Programs, and each service and its view as files of their own, so that one that runs alone loads nothing of the others. */
const programs = [
  'services/main.ts',
  'shared/views/view-worker.ts',
  'shared/views/checkpoint-thread.ts',
  'streams/apply.ts',
  'streams/deadletters-cli.ts',
  'seed/main.ts',
  'deploy/backup.ts',
  'deploy/restore.ts',
  'deploy/init.ts',
  'deploy/image/healthcheck.ts',
  'deploy/image/forward.ts',
];

/** Folders and files that are read at run time, by path. */
const beside = [
  'services/*/migrations',
  'seed/movies.csv',
  'services/gateway/{assets,public,web}',
  'node_modules/swagger-ui-dist/{swagger-ui.css,swagger-ui-bundle.js,LICENSE,NOTICE}',
];

/** Ask where they are in a way that is right from every folder of the bundle. */
const fromAnyFolder = ['shared/views/view-worker-client.ts', 'shared/views/checkpoints.ts', 'shared/docs/docs-page.ts'];

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

/** Bundles into `folder` and gives the paths of what was written. */
export async function buildAll(folder = join(root, 'dist')): Promise<Metafile> {
  rmSync(folder, { recursive: true, force: true });
  const entries = [
    ...programs.filter((file) => existsSync(join(root, file))),
    ...globSync('services/*/{service,projections}.ts', { cwd: root }),
  ];
  const { metafile } = await build({
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
    plugins: [englishOnly],
    banner: { js: banner },
    legalComments: 'linked',
    sourcemap: 'linked',
    sourcesContent: false,
    minifySyntax: true,
    metafile: true,
    logLevel: 'warning',
  });
  checkPlaces(metafile, relative(root, folder));
  for (const pattern of beside) {
    for (const path of globSync(pattern, { cwd: root })) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      // drizzle-kit's snapshots of schemas are for making migrations only.
      cpSync(join(root, path), join(folder, path), {
        recursive: true,
        filter: (file) => !/_snapshot\.json$/.test(file),
      });
    }
  }
  // Node decides by the nearest package.json what a .js file is.
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ type: 'module', private: true })}\n`);
  return metafile;
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
  try {
    const { outputs } = await buildAll();
    const bytes = Object.entries(outputs)
      .filter(([path]) => path.endsWith('.js'))
      .reduce((sum, [, { bytes }]) => sum + bytes, 0);
    console.log(`dist/: ${Object.keys(outputs).length} files, ${Math.round(bytes / 1024)} KiB of code`);
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode = 1;
  }
}
