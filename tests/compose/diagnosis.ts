/** Describes why a step failed, from the containers, before `down` removes them. */
import { messageOf } from '../../shared/operations/errors.ts';
import type { ContainerState, Project } from './engine.ts';

/** Log lines printed of an unhealthy and of a healthy container. */
const linesInTrouble = 60;
const linesOtherwise = 8;

function inTrouble({ State: state, RestartCount: restarts }: ContainerState): boolean {
  const ended = state.Status === 'exited' && state.ExitCode === 0;
  const well = state.Status === 'running' && (state.Health?.Status ?? 'healthy') === 'healthy';
  return restarts > 0 || state.OOMKilled || !(ended || well);
}

function describe(container: ContainerState): string {
  const { State: state, RestartCount: restarts } = container;
  const facts = [
    state.Status,
    `exit status ${state.ExitCode}`,
    state.Health && `health ${state.Health.Status}`,
    state.OOMKilled && 'killed for its memory',
    restarts > 0 && `restarted ${restarts} times`,
    state.Error,
  ];
  const checks = (state.Health?.Log ?? []).slice(-3).map(({ End, ExitCode, Output }) => {
    return `\n    health check at ${End}: exit status ${ExitCode} ${Output.trim().slice(-500)}`;
  });
  return `${container.Name.slice(1)}: ${facts.filter(Boolean).join(', ')}${checks.join('')}`;
}

/** Returns state, last health checks and log of every container of the project, unhealthy ones last. */
export async function diagnosis(project: Project): Promise<string> {
  try {
    const containers = await project.containers(undefined, ['--all']);
    const ordered = containers.sort((a, b) => Number(inTrouble(a)) - Number(inTrouble(b)));
    const parts: string[] = [];
    for (const container of ordered) {
      const trouble = inTrouble(container);
      const lines = String(trouble ? linesInTrouble : linesOtherwise);
      const log = await project.logs(container.Name.slice(1), lines);
      parts.push(`${trouble ? '!!' : '--'} ${describe(container)}\n${log.replace(/^/gm, '    ')}`);
    }
    return parts.join('\n') || 'there are no containers';
  } catch (error) {
    return `nothing could be found out: ${messageOf(error)}`;
  }
}
