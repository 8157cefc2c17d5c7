/** The OpenAPI document as one HTML page that needs nothing else: to read, and to try each operation. */
import { html, raw } from 'hono/html';
import { notesOf, rowsOf, typeOf } from './docs-schema.ts';
import { docsScript } from './docs-script.ts';
import { docsStyle } from './docs-style.ts';
import {
  type JsonSchema,
  type Method,
  methods,
  type OpenApiDocument,
  type OperationObject,
  type Parameter,
  type ResponseObject,
  resolveReference,
} from './types.ts';

type Html = ReturnType<typeof html>;

interface Entry {
  path: string;
  method: Method;
  operation: OperationObject;
}

/** Makes the page. All text of the document is escaped. */
export async function docsPage(document: OpenApiDocument): Promise<string> {
  const entries = Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method): Entry[] => (item[method] ? [{ path, method, operation: item[method] }] : [])),
  );
  const groups = document.tags.map((tag) => ({
    ...tag,
    entries: entries.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  const { title, version, description } = document.info;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${raw(docsStyle)}</style>
</head>
<body>
<nav aria-label="Operations">
<strong>${title}</strong> <span class="quiet">${version}</span>
${groups.map(
  (group) =>
    html`<h2>${group.name}</h2><ul>${group.entries.map(
      ({ path, method, operation }) =>
        html`<li><a href="#${operation.operationId}"><span class="method ${method}">${method.toUpperCase()}</span><span>${path}</span></a></li>`,
    )}</ul>`,
)}
</nav>
<main>
<h1>${title}</h1>
<p>${description}</p>
<p><a href="openapi.json">openapi.json</a> (OpenAPI 3.1) · <a href="asyncapi.json">asyncapi.json</a> (AsyncAPI 3.0:
streams, events and NATS requests)</p>
<section class="caller" aria-label="Who tries the operations">
<label><span>Token (JWT) of the caller; it stays in this page</span><input id="token" type="password" autocomplete="off"></label>
<label><span>User id, where the service is open to everyone (header X-User-Id)</span><input id="user" autocomplete="off"></label>
</section>
${groups.map(
  (group) => html`<section><h2>${group.name}</h2><p class="quiet">${group.description}</p>
${group.entries.map((entry) => article(document, entry))}</section>`,
)}
</main>
<script>${raw(docsScript)}</script>
</body>
</html>
`;
  return String(await page);
}

function article(document: OpenApiDocument, { path, method, operation }: Entry): Html {
  const { operationId, summary, description, deprecated, parameters = [], requestBody } = operation;
  const body = requestBody?.content['application/json'];
  const responses = Object.entries(operation.responses).map(
    ([status, response]) => [status, resolveReference<ResponseObject>(document, response)] as const,
  );
  return html`<article id="${operationId}" class="${deprecated ? 'deprecated' : ''}"><details>
<summary><span class="method ${method}">${method.toUpperCase()}</span><span class="path">${path}</span>
<span>${summary}</span> <span class="tag">${operation['x-access'] ?? ''}</span>
${deprecated ? html`<span class="tag">deprecated</span>` : ''}</summary>
<div class="inside">
<p class="quiet">${withCode(description ?? '')} <a href="#${operationId}"><code>${operationId}</code></a></p>
<form data-path="${path}" data-method="${method.toUpperCase()}">
${parameters.length > 0 ? parameterTable(document, parameters) : ''}
${
  body
    ? html`<h4>Body ${requestBody?.required ? '' : '(may be left out)'}</h4>
${schemaTable(document, body.schema ?? {})}
<textarea aria-label="Body of ${operationId}" rows="${lines(body.example)}" spellcheck="false">${pretty(body.example)}</textarea>`
    : ''
}
<p><button>Send</button></p><pre class="result" role="status" hidden></pre></form>
<h4>Answers</h4>
${responses.map(([status, response]) => answer(document, status, response))}
</div></details></article>`;
}

function parameterTable(document: OpenApiDocument, parameters: Parameter[]): Html {
  return html`<h4>Parameters</h4><div class="scroll"><table>
<tr><th>Name</th><th>In</th><th>Type</th><th>What it is</th><th>Try</th></tr>
${parameters.map((parameter) => {
  const { description } = parameter;
  const notes = notesOf({ ...resolveReference(document, parameter.schema), ...(description ? { description } : {}) });
  return html`<tr><td><code>${parameter.name}</code> ${parameter.required ? html`<span class="needed">required</span>` : ''}</td>
<td>${parameter.in}</td><td>${typeOf(document, parameter.schema)}</td><td>${notes}</td>
<td class="try"><input name="${parameter.name}" data-in="${parameter.in}" value="${textOf(parameter.example)}"
aria-label="${parameter.name}" ${parameter.required ? 'required' : ''}></td></tr>`;
})}</table></div>`;
}

/** An answer; errors are one line, as they all have the same body. */
function answer(document: OpenApiDocument, status: string, response: ResponseObject): Html {
  const headers = Object.keys(response.headers ?? {});
  const [type, media] = Object.entries(response.content ?? {})[0] ?? [];
  const line = html`<strong>${status}</strong> ${withCode(response.description)}
<span class="quiet">${[type, ...headers].filter(Boolean).join(', ')}</span>`;
  if (!media?.schema || Number(status) === 202 || type === 'text/html') return html`<div>${line}</div>`;
  return html`<details ${Number(status) < 300 ? 'open' : ''}><summary>${line}</summary>${schemaTable(document, media.schema)}</details>`;
}

function schemaTable(document: OpenApiDocument, schema: JsonSchema): Html {
  return html`<div class="scroll"><table><tr><th>Field</th><th>Type</th><th>What it is</th></tr>
${rowsOf(document, schema).map(
  ({ name, type, required, notes }) =>
    html`<tr><td><code>${name || '(value)'}</code> ${
      required ? '' : html`<span class="quiet">optional</span>`
    }</td><td>${type}</td><td>${notes}</td></tr>`,
)}</table></div>`;
}

const pretty = (value: unknown): string => JSON.stringify(value ?? {}, null, 2);
const lines = (value: unknown): number => Math.min(20, pretty(value).split('\n').length);
const textOf = (value: unknown): string => (value === undefined ? '' : String(value));

/** Text between backticks as code. */
function withCode(text: string): Html[] {
  return text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}
