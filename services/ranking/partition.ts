/** Assigns movies to parts, each kept by one group of replicas, when ranking is partitioned. */
import type { ServiceContext } from '../../shared/service.ts';

type Config = ServiceContext<unknown>['config'];

/** A part: its number, and the count of parts. */
export type Partition = NonNullable<Config['rankingPartition']>;

/** Returns whether a movie belongs to a part. Without a partition, every movie is kept. */
export function keeps(partition: Partition | undefined, movieId: number): boolean {
  return partition === undefined || partOf(movieId, partition) === partition.number;
}

/** Returns the number of the part that a movie belongs to. */
export function partOf(movieId: number, { of }: Pick<Partition, 'of'>): number {
  return movieId % of;
}

/** Returns the name of the group that keeps a part, such as `2-of-4`. */
export function groupOf(partition: Partition): string {
  return `${partition.number}-of-${partition.of}`;
}

/** Returns the name of this replica's group; undefined when ranking is not partitioned. */
export function ownGroup({ rankingPartition }: Config): string | undefined {
  return rankingPartition && groupOf(rankingPartition);
}
