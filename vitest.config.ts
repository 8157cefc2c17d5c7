/** The tests in three projects. A file's name says which it belongs to. */
import { configDefaults, defineConfig, type TestProjectConfiguration } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const sources = '{deploy,docs,seed,services,shared,streams}/**';

/** One broker and one bundle for all files of a run. */
const shared = ['tests/shared-broker.ts', 'tests/shared-bundle.ts'];

/** Made into a file for each of these names. */
const drizzle = [
  'drizzle-orm',
  'drizzle-orm/better-sqlite3',
  'drizzle-orm/better-sqlite3/migrator',
  'drizzle-orm/sqlite-core',
];

/** Files that take longest: begun last, they would run alone at the end. The first waits, mostly. */
const long = ['hub-cluster', 'chaos/chaos', 'edge/commands', 'tests/web', 'new-service', 'rolling-restart', 'npm'];

/** Behind them, by size. A worker serves one project and ends, and the last files are to be short ones. */
const order = ['system', 'service', 'unit'];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project, moduleId }: TestSpecification): number => {
      const place = long.findIndex((name) => moduleId.includes(`/${name}.`));
      return place < 0 ? long.length + order.indexOf(project.name) : place;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/** Limits for one test and for one hook, in milliseconds: a test that hangs ends with a reason, and one on a slow machine does not. */
function project(
  name: string,
  include: string,
  exclude: string[],
  limitMs: number,
  globalSetup: string[] = [],
): TestProjectConfiguration {
  return {
    cacheDir: '.cache/vite',
    test: {
      name,
      include: [include],
      exclude: [...configDefaults.exclude, ...exclude],
      // Modules are loaded once for a worker, not once for each file.
      isolate: false,
      setupFiles: ['tests/setup.ts'],
      // Else Node parses its package.json of 180 KB for each of its many modules, in each worker.
      deps: { optimizer: { ssr: { enabled: true, include: drizzle } } },
      globalSetup,
      testTimeout: limitMs,
      hookTimeout: limitMs,
    },
  };
}

export default defineConfig({
  test: {
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    projects: [
      /** `x.test.ts` beside its source: no broker. */
      project('unit', `${sources}/*.test.ts`, ['**/*.service.test.ts'], 60_000),
      /** `x.service.test.ts` beside its source: with a real broker. */
      project('service', `${sources}/*.service.test.ts`, [], 240_000, shared),
      /** `tests/`: whole systems, whose services and brokers are killed and paused. */
      project('system', 'tests/**/*.test.ts', [], 240_000, shared),
    ],
  },
});
