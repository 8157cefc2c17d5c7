/** Shared parts of the rounds. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { backingServices } from '../../services/index.ts';
import { get, post, type Reply, until } from '../harness.ts';
import { Project } from './engine.ts';

/** A step throws when a check fails. Its result is printed after its title. */
export interface Step {
  title: string;
  run(round: Round): Promise<string | undefined>;
}

export const backing = backingServices.map(({ name }) => name);

/** A system under test and the data added to it. */
export class Round {
  readonly folder: string;
  readonly gatewayPort = 18_080;
  readonly brokerPort = 14_222;
  project: Project;
  /** Likes of movie 1 answered with 2xx. */
  likes = 0;
  /** Headers of every request. */
  headers: Record<string, string> = {};

  readonly files = ['docker-compose.yml'];
  /** Further environment variables of every compose command. */
  readonly variables: Record<string, string> = {};

  constructor(folder: string) {
    this.folder = folder;
    this.project = this.projectWith('trial.env');
  }

  /** Returns the same project with another file of variables. */
  projectWith(file: string, more: Record<string, string> = {}): Project {
    return new Project(
      'marquee-test',
      {
        COMPOSE_ENV_FILES: join(this.folder, file),
        MARQUEE_VERSION: 'test',
        GATEWAY_PORT: String(this.gatewayPort),
        NATS_PORT: String(this.brokerPort),
        SEED_DIR: join(this.folder, 'seed'),
        BACKUP_DIR: join(this.folder, 'backups'),
        ...this.variables,
        ...more,
      },
      this.files,
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.gatewayPort}`;
  }

  get<T = Record<string, unknown>>(path: string): Promise<Reply<T>> {
    return get<T>(this.url + path, this.headers);
  }

  post<T = Record<string, unknown>>(path: string, body: unknown): Promise<Reply<T>> {
    return post<T>(this.url + path, body, this.headers);
  }

  /** Reads the votes of movie 1, with retries until they are available. */
  votes(): Promise<{ likes: number }> {
    return until(async () => {
      const { status, body } = await this.get<{ likes: number }>('/votes/1');
      return status === 200 ? body : undefined;
    }, 'the votes of movie 1');
  }

  /** Asserts that everything answered with 2xx is stored once. */
  async assertState(): Promise<void> {
    const { likes } = await this.votes();
    assert.equal(likes, this.likes, 'every like that was answered counts, once');
    assert.equal((await this.get('/movies/900001')).body.title, 'The Lighthouse Keeper');
    assert.equal((await this.get<{ items: unknown[] }>('/reminder/alice')).body.items.length, 1);
    const tickets = (await this.get<{ items: { state: string }[] }>('/support/alice')).body.items;
    assert.deepEqual(
      tickets.map(({ state }) => state),
      ['resolved'],
    );
  }
}

export const up: Step = {
  title: 'up --wait brings up a healthy system with a catalogue',
  async run({ project }) {
    await project.compose('up', '--detach', '--wait');
    return undefined;
  },
};

function stateSurvives(command: 'down' | 'restart', title: string): Step {
  return {
    title,
    async run(round) {
      await round.project.compose(command);
      await round.project.compose('up', '--detach', '--wait');
      await round.assertState();
      return undefined;
    },
  };
}

/** State is in named volumes. */
export const downAndUp = stateSurvives('down', 'down and up keep all state');
export const restart = stateSurvives('restart', 'everything is restarted, and the state is there');
