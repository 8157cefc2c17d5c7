/** The tests, in three projects by file name. */
import { configDefaults, defineConfig, type TestProjectConfiguration } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const sources = '{deploy,docs,seed,services,shared,streams}/**';

/** One broker and one bundle for all files of a run. */
const shared = ['tests/shared-broker.ts', 'tests/shared-bundle.ts'];

/** Modules that vitest pre-bundles. */
const drizzle = [
  'drizzle-orm',
  'drizzle-orm/better-sqlite3',
  'drizzle-orm/better-sqlite3/migrator',
  'drizzle-orm/sqlite-core',
];

/** Files that take longest, run first so that they do not run alone at the end. The first one mostly waits. */
const long = ['hub-cluster', 'chaos/chaos', 'edge/commands', 'tests/web', 'new-service', 'rolling-restart', 'npm'];

/** Order of the other files. A worker serves one project and exits; the last files should be short ones. */
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

/** @param limitMs time limit of a test and a hook: short enough to end a hanging test, long enough for a slow machine */
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
      // Load modules once for each worker, not for each file.
      isolate: false,
      setupFiles: ['tests/setup.ts'],
      // Without it, each worker would parse drizzle's package.json of 180 KB for each of its many modules.
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
      /** `x.test.ts` beside its source: without a broker. */
      project('unit', `${sources}/*.test.ts`, ['**/*.service.test.ts'], 60_000),
      /** `x.service.test.ts` beside its source: with a real broker. */
      project('service', `${sources}/*.service.test.ts`, [], 240_000, shared),
      /** `tests/`: whole systems, whose services and brokers are killed and paused. */
      project('system', 'tests/**/*.test.ts', [], 240_000, shared),
    ],
  },
});
