/** Lists that can be read without parameters, derived from the services' contracts. */
import { backingServices, type Service } from '../../services/index.ts';

const pathsOf = ({ operations }: Service): string[] =>
  Object.values(operations)
    .filter(({ http, method, path, input }) => http && method === 'GET' && !path.includes(':') && takesNothing(input))
    .map(({ path }) => path);

function takesNothing(input: Service['operations'][string]['input']): boolean {
  return input.safeParse({}).success;
}

/** Paths by service. */
export const lists: Record<string, string[]> = Object.fromEntries(
  backingServices.map((service) => [service.name, pathsOf(service)]),
);
