/** The same system on Deno: `npm run test:compose -- deno`. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { denoBinary } from '../process.ts';
import { underLoad } from './load.ts';
import { downAndUp, type Round, type Step, up } from './round.ts';
import { securedSteps } from './secured.ts';
import { use } from './trial.ts';

const root = join(import.meta.dirname, '../..');

/** The image named in deploy/Dockerfile. */
function officialImage(): string {
  const found = /^ARG DENO_IMAGE=(.+)$/m.exec(readFileSync(join(root, 'deploy/Dockerfile'), 'utf8'))?.[1];
  assert.ok(found, 'deploy/Dockerfile names the image of Deno');
  return found;
}

/**
 * Returns the official image if it can be pulled. Without a registry, builds a substitute: the Debian of the Node image
 * without Node, with the Deno binary that npm installs.
 */
async function baseImage({ project, folder }: Round): Promise<{ image: string; note: string }> {
  const official = officialImage();
  const had = await project.program('docker', 'image', 'inspect', official).then(
    () => true,
    () => false,
  );
  const pulled =
    had ||
    (await project.program('docker', 'pull', official).then(
      () => true,
      () => false,
    ));
  if (pulled) return { image: official, note: official };
  const file = join(folder, 'Dockerfile');
  const base = process.env.NODE_IMAGE ?? 'node:24-bookworm-slim';
  writeFileSync(
    file,
    `FROM ${base}
RUN rm -rf /usr/local/bin/node /usr/local/lib/node_modules && useradd --uid 1993 --user-group deno \\
  && mkdir /deno-dir && chown deno:deno /deno-dir
ENV DENO_DIR=/deno-dir/ DENO_INSTALL_ROOT=/usr/local
COPY deno /usr/bin/deno
`,
  );
  const image = 'marquee-deno-stand-in:test';
  await project.program('docker', 'build', '--tag', image, '--file', file, dirname(denoBinary()));
  return { image, note: `${official} cannot be had: tried on a STAND-IN, ${base} with the binary that npm installs` };
}

async function built(round: Round): Promise<string> {
  const { image, note } = await baseImage(round);
  Object.assign(round.variables, { MARQUEE_RUNTIME: 'deno', MARQUEE_VERSION: 'test-deno', DENO_IMAGE: image });
  round.project = round.projectWith('trial.env');
  await round.project.compose('build');
  return note;
}

async function isDeno({ project }: Round): Promise<string> {
  const said = await project.compose('exec', '-T', 'movies', 'deno', '--version');
  await assert.rejects(project.compose('exec', '-T', 'movies', 'node', '--version'), 'there is no Node beside it');
  return said.split('\n')[0] ?? '';
}

export const denoSteps: Step[] = [
  { title: 'the image for Deno is built', run: built },
  up,
  { title: 'services run on Deno', run: isDeno },
  { title: 'the system works', run: use },
  {
    title: 'a service is updated under load, and no request fails',
    run: (round) => underLoad(round, () => round.project.program('deploy/update.sh', 'ranking')),
  },
  downAndUp,
  ...securedSteps,
];
