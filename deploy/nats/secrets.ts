/** The secrets of a deployment: the keys of broker users, the secret that signs tokens, and the cluster password. */
import { randomBytes } from 'node:crypto';
import { nkeys } from '@nats-io/nats-core';
import { keyVariable, systemUser, userNames } from './user-names.ts';

/** Returns secrets by variable name: existing ones, and new ones for the rest. The broker gets only BROKER_KEYS. */
export function secretsWith(kept: Record<string, string> = {}): Record<string, string> {
  const seeds = [...userNames, systemUser].map((user): [string, string] => {
    const name = `${keyVariable(user)}_SEED`;
    return [name, kept[name] || new TextDecoder().decode(nkeys.createUser().getSeed())];
  });
  const publicKeys = seeds.map(([name, seed]) => {
    const key = nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
    return `${name.replace(/_SEED$/, '')}=${key}`;
  });
  const secret = (): string => randomBytes(32).toString('base64url');
  return {
    JWT_SECRET: kept.JWT_SECRET ?? secret(),
    CLUSTER_PASSWORD: kept.CLUSTER_PASSWORD ?? secret(),
    ...Object.fromEntries(seeds),
    BROKER_KEYS: publicKeys.join(' '),
  };
}
