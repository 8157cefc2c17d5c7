/** Plans which fault occurs when and where, determined by the seed alone. */
import { Random } from './random.ts';

export const faultKinds = [
  'kill',
  'pause',
  'terminate',
  'cut',
  'slow',
  'killBroker',
  'pauseBroker',
  'fillDisk',
  'corrupt',
  'corruptWhileDown',
  'deleteFile',
  'spoilSnapshot',
  'skewed',
  'duplicates',
  'outOfOrder',
  'broken',
  'garbage',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  kind: FaultKind;
  /** Affected process; undefined for faults of the broker and for broken events. */
  target: string | undefined;
  /** Start, in milliseconds since the start of the run. */
  atMs: number;
  /** Duration in milliseconds. */
  forMs: number;
}

const onEvents: readonly FaultKind[] = ['skewed', 'duplicates', 'outOfOrder', 'broken', 'garbage', 'spoilSnapshot'];
const onBroker: readonly FaultKind[] = ['killBroker', 'pauseBroker'];
const onFiles: readonly FaultKind[] = ['corrupt', 'corruptWhileDown', 'deleteFile'];

/** Time without faults for a process after a fault, in which it must recover. */
const restMs = 2500;

/**
 * Plans the faults of a run. Every kind occurs once before any is repeated; a target has one fault at a time.
 * @param members names of the processes; those with a view end in a number
 * @param diskOf the process whose disk can be filled; undefined if there is none
 */
export function plan(seed: number, lengthMs: number, members: string[], diskOf: string | undefined): Fault[] {
  const random = new Random(seed);
  const faults: Fault[] = [];
  const freeAt = new Map<string, number>();
  let deck: FaultKind[] = [];
  for (let atMs = 300; atMs < lengthMs; atMs += random.between(500, Math.max(1300, lengthMs / 60))) {
    if (deck.length === 0) deck = random.shuffle(faultKinds);
    const kind = deck.pop() as FaultKind;
    const forMs = random.between(300, kind === 'pauseBroker' || kind === 'killBroker' ? 2500 : 4000);
    const key = onBroker.includes(kind) ? 'broker' : 'process';
    if (onEvents.includes(kind)) {
      faults.push({ kind, target: undefined, atMs, forMs: 0 });
    } else if (key === 'broker') {
      if ((freeAt.get(key) ?? 0) > atMs) continue;
      freeAt.set(key, atMs + forMs + restMs);
      faults.push({ kind, target: undefined, atMs, forMs });
    } else {
      const able = kind === 'fillDisk' ? members.filter((name) => name === diskOf) : members;
      const views = onFiles.includes(kind) ? able.filter((name) => /\d$/.test(name)) : able;
      const idle = views.filter((name) => (freeAt.get(name) ?? 0) <= atMs);
      if (idle.length === 0) continue;
      const target = random.pick(idle);
      freeAt.set(target, atMs + forMs + restMs);
      faults.push({ kind, target, atMs, forMs });
    }
  }
  return faults;
}
