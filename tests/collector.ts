/** A minimal OpenTelemetry collector for tests. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenSpan {
  service: string;
  /** Id of the replica. */
  instance: string;
  name: string;
  /** Kind as in OTLP: 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  links: string[];
  attributes: Record<string, unknown>;
  failed: boolean;
}

interface Attribute {
  key: string;
  value: Record<string, unknown>;
}

interface OtlpSpan extends Omit<SeenSpan, 'links' | 'attributes' | 'service' | 'instance' | 'failed'> {
  links?: { traceId: string }[];
  attributes: Attribute[];
  status?: { code?: number };
}

interface Export {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: OtlpSpan[] }[] }[];
}

export interface Collector extends AsyncDisposable {
  /** Environment that makes a service export to this collector without delay. */
  env: Record<string, string>;
  spans: SeenSpan[];
  /** Bodies that were not JSON. */
  bodies: { type: string; body: Buffer }[];
}

/** Starts a collector on any port. */
export async function startCollector(): Promise<Collector> {
  const spans: SeenSpan[] = [];
  const bodies: Collector['bodies'] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const type = request.headers['content-type'] ?? '';
      if (request.url === '/v1/traces' && type === 'application/json') spans.push(...spansOf(body));
      else bodies.push({ type, body });
      response.writeHead(200, { 'content-type': type }).end(type === 'application/json' ? '{}' : '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    },
    spans,
    bodies,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function spansOf(body: Buffer): SeenSpan[] {
  const { resourceSpans } = JSON.parse(body.toString('utf8')) as Export;
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const about = record(resource.attributes);
    return scopeSpans.flatMap(({ spans }) =>
      spans.map(({ name, kind, traceId, spanId, parentSpanId, links = [], attributes, status }) => ({
        service: String(about['service.name']),
        instance: String(about['service.instance.id']),
        name,
        kind,
        traceId,
        spanId,
        parentSpanId: parentSpanId ?? '',
        links: links.map((link) => link.traceId),
        attributes: record(attributes),
        failed: status?.code === 2,
      })),
    );
  });
}

function record(attributes: Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
