/** When which fault happens to what: a plan that follows from the seed alone. */
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
  /** The process that it happens to; none for the broker and for events. */
  target: string | undefined;
  /** Milliseconds since the start. */
  atMs: number;
  /** How long it lasts. */
  forMs: number;
}

const onEvents: readonly FaultKind[] = ['skewed', 'duplicates', 'outOfOrder', 'broken', 'garbage', 'spoilSnapshot'];
const onBroker: readonly FaultKind[] = ['killBroker', 'pauseBroker'];
const onFiles: readonly FaultKind[] = ['corrupt', 'corruptWhileDown', 'deleteFile'];

/** Time that a process is left alone after a fault, to show that it recovers. */
const restMs = 2500;

/**
 * Plans faults for a run. Every kind comes before any comes again; a target has one fault at a time.
 * @param members names of the processes; those of views end in a number
 * @param diskOf the process whose disk can be filled; undefined where there is none
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
