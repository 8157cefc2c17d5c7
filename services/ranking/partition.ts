/** Which part of the movies a replica keeps, where they are divided among groups of replicas. */
import type { ServiceContext } from '../../shared/service.ts';

type Config = ServiceContext<unknown>['config'];

/** One of the parts that movies are divided into by their ids. */
export type Partition = NonNullable<Config['rankingPartition']>;

/** Whether the votes of a movie, and its ranks, are kept in a part; everything is where nothing is divided. */
export function keeps(partition: Partition | undefined, movieId: number): boolean {
  return partition === undefined || partOf(movieId, partition) === partition.number;
}

/** The number of the part that a movie is in. */
export function partOf(movieId: number, { of }: Pick<Partition, 'of'>): number {
  return movieId % of;
}

/** The name of the group that keeps a part, such as `2-of-4`. */
export function groupOf(partition: Partition): string {
  return `${partition.number}-of-${partition.of}`;
}

/** The group of a replica. */
export function ownGroup({ rankingPartition }: Config): string | undefined {
  return rankingPartition && groupOf(rankingPartition);
}
