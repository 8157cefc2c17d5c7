/** What the steps of the round share. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { backingServices } from '../../services/index.ts';
import { get, post, type Reply, until } from '../harness.ts';
import { Project } from './engine.ts';

/** A step throws when something is not as it should be. What it gives back is printed behind its title. */
export interface Step {
  title: string;
  run(round: Round): Promise<string | undefined>;
}

export const backing = backingServices.map(({ name }) => name);

/** One system under test, with what has been put into it. */
export class Round {
  readonly folder: string;
  readonly gatewayPort = 18_080;
  readonly brokerPort = 14_222;
  project: Project;
  /** Likes of movie 1 that were answered with 2xx. */
  likes = 0;
  /** Sent with every request. */
  headers: Record<string, string> = {};

  readonly files = ['docker-compose.yml'];
  /** Given to every command of compose. */
  readonly variables: Record<string, string> = {};

  constructor(folder: string) {
    this.folder = folder;
    this.project = this.projectWith('trial.env');
  }

  /** The same project with another file of variables. */
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

  /** The votes of movie 1, as soon as they can be had. */
  votes(): Promise<{ likes: number }> {
    return until(async () => {
      const { status, body } = await this.get<{ likes: number }>('/votes/1');
      return status === 200 ? body : undefined;
    }, 'the votes of movie 1');
  }

  /** All that was answered with 2xx is there, once. */
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
