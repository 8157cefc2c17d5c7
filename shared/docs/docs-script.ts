/** What runs in the docs page: sending the requests of its forms. Plain JavaScript; its hash is in the page's policy. */
export const docsScript = `
'use strict';
const field = (form, selector) => [...form.querySelectorAll(selector)].filter((input) => input.value !== '');
const shown = ['etag', 'location', 'retry-after', 'allow', 'www-authenticate'];

function requestOf(form) {
  let path = form.dataset.path;
  for (const input of form.querySelectorAll('[data-in=path]')) {
    path = path.replace('{' + input.name + '}', encodeURIComponent(input.value));
  }
  const query = new URLSearchParams(field(form, '[data-in=query]').map((input) => [input.name, input.value]));
  const headers = Object.fromEntries(field(form, '[data-in=header]').map((input) => [input.name, input.value]));
  const token = document.getElementById('token').value.trim();
  const user = document.getElementById('user').value.trim();
  if (token) headers.Authorization = 'Bearer ' + token;
  if (user) headers['X-User-Id'] = user;
  const body = form.querySelector('textarea')?.value.trim() || undefined;
  if (body) headers['Content-Type'] = 'application/json';
  return { url: path + (query.size ? '?' + query : ''), method: form.dataset.method, headers, body };
}

const quoted = (text) => "'" + text.replaceAll("'", "'\\\\''") + "'";

function curlOf({ url, method, headers, body }) {
  const parts = ['curl' + (method === 'GET' ? '' : ' -X ' + method), quoted(location.origin + url)];
  for (const [name, value] of Object.entries(headers)) {
    parts.push('-H ' + quoted(name + ': ' + (name === 'Authorization' ? 'Bearer …' : value)));
  }
  if (body) parts.push('-d ' + quoted(body));
  return parts.join(' ');
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(form) {
  const request = requestOf(form);
  const result = form.querySelector('.result');
  const button = form.querySelector('button');
  button.disabled = true;
  result.hidden = false;
  result.textContent = 'Waiting …';
  try {
    const started = performance.now();
    const { url, method, headers, body } = request;
    const response = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(30000) });
    const text = await response.text();
    const took = Math.round(performance.now() - started);
    const lines = shown.filter((name) => response.headers.has(name)).map((name) => name + ': ' + response.headers.get(name));
    const head = [response.status + ' ' + response.statusText + '  (' + took + ' ms)', ...lines].join('\\n');
    result.textContent = curlOf(request) + '\\n\\n' + head + (text ? '\\n\\n' + readable(text) : '');
  } catch (error) {
    result.textContent = curlOf(request) + '\\n\\n' + 'No answer: ' + error.message;
  } finally {
    button.disabled = false;
  }
}

document.addEventListener('submit', (event) => {
  event.preventDefault();
  void send(event.target);
});

const openTarget = () => {
  const details = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.querySelector('details');
  if (details) details.open = true;
};
addEventListener('hashchange', openTarget);
openTarget();
`;
