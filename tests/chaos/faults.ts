/** Causes and ends the planned faults, and measures how long recovery takes. */
import { closeSync, existsSync, fstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { JetStreamError } from '@nats-io/jetstream';
import { backingServices } from '../../services/index.ts';
import { bucketOf, bucketStream, SnapshotBucket } from '../../shared/broker/snapshot-bucket.ts';
import type { Injector } from './injector.ts';
import type { Ledger } from './ledger.ts';
import type { Member } from './member.ts';
import { Random } from './random.ts';
import type { Fault } from './schedule.ts';
import type { ChaosSystem } from './system.ts';

export interface Recovery {
  fault: string;
  ms: number;
}

interface Parts {
  system: ChaosSystem;
  injector: Injector;
  ledger: Ledger;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** Longest time until a process must be ready again after a fault. */
const recoveryLimitMs = 60_000;
const stopLimitMs = 10_000;
const pageBytes = 4096;

/** Runs all faults, each at its time. Resolves when all have ended and their targets are ready again. */
export async function runFaults(faults: Fault[], parts: Parts): Promise<Recovery[]> {
  const startedAt = performance.now();
  const recoveries: Recovery[] = [];
  await Promise.all(
    faults.map(async (fault) => {
      await sleep(startedAt + fault.atMs - performance.now());
      parts.ledger.count('faults', fault.kind);
      const member = fault.target === undefined ? undefined : parts.system.member(fault.target);
      try {
        await happen(fault, member, parts);
      } catch (error) {
        parts.ledger.found(`${fault.kind} of ${fault.target ?? 'the system'}: ${(error as Error).message}`);
      }
      if (fault.forMs === 0) return;
      const overAt = performance.now();
      const waited = await readyAgain(member ? [member] : parts.system.members);
      const name = `${fault.kind} ${fault.target ?? ''}`.trim();
      if (waited) recoveries.push({ fault: name, ms: performance.now() - overAt });
      else parts.ledger.found(`${name}: not ready ${recoveryLimitMs / 1000} s after its end`);
    }),
  );
  return recoveries;
}

async function happen({ kind, forMs, atMs }: Fault, member: Member | undefined, parts: Parts): Promise<void> {
  const { system, injector } = parts;
  const target = member as Member;
  const proxy = system.proxies.get(target?.name);
  switch (kind) {
    case 'kill':
      await target.kill();
      await sleep(forMs);
      return target.start();
    case 'pause':
      target.pause();
      await sleep(forMs);
      return target.resume();
    case 'terminate':
      await terminate(target, parts.ledger);
      await sleep(forMs);
      return target.start();
    case 'cut':
      proxy?.cut();
      await sleep(forMs);
      return proxy?.resume();
    case 'slow':
      proxy?.slow(50 + (atMs % 350));
      await sleep(forMs);
      return proxy?.resume();
    case 'killBroker':
      await system.killBroker();
      await sleep(forMs);
      return system.restartBroker();
    case 'pauseBroker':
      system.signalBroker('SIGSTOP');
      await sleep(forMs);
      return system.signalBroker('SIGCONT');
    case 'fillDisk':
      system.smallDisk?.fill();
      await sleep(forMs);
      return system.smallDisk?.free();
    case 'corrupt':
      return corrupt(target.viewFile, atMs);
    case 'corruptWhileDown':
      await (atMs % 2 === 0 ? target.kill() : terminate(target, parts.ledger));
      corrupt(target.viewFile, atMs);
      return target.start();
    case 'deleteFile':
      return rmSync(target.viewFile, { force: true });
    case 'spoilSnapshot':
      return spoilSnapshot(system, atMs);
    case 'garbage':
      return injector.garbage();
    case 'skewed':
    case 'duplicates':
    case 'outOfOrder':
    case 'broken':
      return injector[kind]();
    default:
      return kind satisfies never;
  }
}

/** Removes a chunk of the newest snapshot of some view; does nothing while the broker is away. */
async function spoilSnapshot(system: ChaosSystem, seed: number): Promise<void> {
  const service = new Random(seed).pick(backingServices).name;
  try {
    const [newest] = (await new SnapshotBucket(service, system.connection).list()) ?? [];
    if (!newest) return;
    const jsm = await system.jsm();
    const last_by_subj = `$O.${bucketOf(service)}.C.${newest.id}`;
    const piece = await jsm.streams.getMessage(bucketStream(service), { last_by_subj });
    if (piece) await jsm.streams.deleteMessage(bucketStream(service), piece.seq);
  } catch (error) {
    if (system.connection.connected && !(error instanceof JetStreamError)) throw error;
  }
}

/** Sends SIGTERM and checks that the process exits with 0 in time. */
export async function terminate(member: Member, ledger: Ledger): Promise<void> {
  const { ms, ended } = await member.stop();
  if (ms > stopLimitMs) ledger.found(`${member.name} took ${Math.round(ms)} ms to stop`);
  if (ended !== 0) ledger.found(`${member.name} exited with ${ended} after SIGTERM:\n${member.log.slice(-1500)}`);
}

/** Overwrites some pages of a file with random bytes, unless an earlier fault has deleted the file. */
function corrupt(path: string, seed: number): void {
  if (!existsSync(path)) return;
  const random = new Random(seed);
  const file = openSync(path, 'r+');
  try {
    const pages = Math.max(1, Math.floor(fstatSync(file).size / pageBytes));
    for (let count = 0; count < 4; count++) {
      const bytes = Uint8Array.from({ length: random.between(100, pageBytes) }, () => random.between(0, 255));
      writeSync(file, bytes, 0, bytes.length, random.between(0, pages - 1) * pageBytes);
    }
  } finally {
    closeSync(file);
  }
}

async function readyAgain(members: Member[]): Promise<boolean> {
  const deadline = performance.now() + recoveryLimitMs;
  for (;;) {
    const states = await Promise.all(members.map((member) => member.readiness()));
    if (states.every((state) => state?.ready)) return true;
    if (performance.now() > deadline) return false;
    await sleep(100);
  }
}
