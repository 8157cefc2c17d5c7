/** The parts of AsyncAPI 3.0 that our documents use. */
import type { JsonSchema } from './openapi-types.ts';

export interface Reference {
  $ref: string;
}

export interface MessageObject {
  name: string;
  title?: string;
  summary?: string;
  headers?: JsonSchema;
  payload: JsonSchema;
  examples?: { name: string; headers?: Record<string, unknown>; payload: unknown }[];
}

export interface ChannelObject {
  /** Null where it is the caller's own inbox. */
  address: string | null;
  description?: string;
  parameters?: Record<string, { description: string }>;
  messages: Record<string, MessageObject>;
  'x-stream'?: string;
}

export interface AsyncOperationObject {
  action: 'send' | 'receive';
  channel: Reference;
  summary: string;
  tags: { name: string }[];
  messages: Reference[];
  bindings?: { nats: { queue: string; bindingVersion: string } };
  reply?: { address: { location: string; description: string }; channel: Reference; messages: Reference[] };
  'x-access'?: string;
}

export interface AsyncApiDocument {
  asyncapi: string;
  id: string;
  info: {
    title: string;
    version: string;
    description: string;
    license: { name: string; url: string };
    tags: { name: string; description: string }[];
  };
  defaultContentType: string;
  servers: Record<string, { host: string; protocol: string; description: string }>;
  channels: Record<string, ChannelObject>;
  operations: Record<string, AsyncOperationObject>;
  components: { schemas: Record<string, JsonSchema> };
  'x-streams'?: { name: string; description: string; subjects: string[] }[];
}
