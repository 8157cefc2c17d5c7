/** The style of the docs page. Its hash is in the page's Content-Security-Policy. */
export const docsStyle = `
:root { color-scheme: light dark; --back: #fff; --soft: #f4f5f7; --line: #d9dce1; --text: #1c2128; --quiet: #59636e;
  --accent: #0b5cad; --get: #0b6b3a; --post: #0b5cad; --put: #8a5a00; --delete: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --back: #14171c; --soft: #1d2229; --line: #363d47; --text: #e4e7eb;
  --quiet: #9aa4b0; --accent: #78b4f5; --get: #6fcf97; --post: #78b4f5; --put: #e6b35c; --delete: #f28b82; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0; display: grid; grid-template-columns: 19rem minmax(0, 1fr); background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1rem; background: var(--soft);
  border-right: 1px solid var(--line); font-size: 13px; }
nav h2 { font-size: 13px; margin: 1rem 0 .25rem; } nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: flex; gap: .5rem; padding: .15rem .25rem; color: inherit; text-decoration: none; border-radius: 4px; }
nav a span:last-child { overflow-wrap: anywhere; }
nav a:hover { background: var(--line); }
main { max-width: 68rem; padding: 1.5rem 2rem 6rem; }
h1 { margin-top: 0; } h2 { margin: 2.5rem 0 .25rem; } h4 { margin: 1rem 0 .25rem; font-size: 13px; color: var(--quiet);
  text-transform: uppercase; letter-spacing: .04em; }
a { color: var(--accent); }
code, pre, textarea, input, .path { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, monospace; }
pre, textarea { width: 100%; margin: .25rem 0; padding: .6rem; background: var(--soft); border: 1px solid var(--line);
  border-radius: 6px; color: inherit; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 30rem; }
input { width: 100%; padding: .3rem .45rem; border: 1px solid var(--line); border-radius: 5px; background: var(--back);
  color: inherit; }
article { margin: 1rem 0; border: 1px solid var(--line); border-radius: 8px; }
article > details > summary { display: flex; flex-wrap: wrap; gap: .6rem; align-items: baseline; padding: .6rem .8rem; }
article > details > summary > span:not([class]) { color: var(--quiet); }
summary { cursor: pointer; } .inside { padding: 0 1rem 1rem; border-top: 1px solid var(--line); }
.method { font: 700 12px/1.4 ui-monospace, monospace; min-width: 3.6em; } .get { color: var(--get); }
.post { color: var(--post); } .put { color: var(--put); } .delete { color: var(--delete); }
.path { font-weight: 600; overflow-wrap: anywhere; } .deprecated .path { text-decoration: line-through; }
.tag { font-size: 12px; padding: 0 .45rem; border: 1px solid var(--line); border-radius: 99px; color: var(--quiet); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 500; font-size: 12px; } td.try { width: 14rem; }
.needed { color: var(--delete); font-size: 12px; } .quiet { color: var(--quiet); }
button { padding: .4rem 1rem; border: 0; border-radius: 6px; background: var(--accent); color: var(--back);
  font: inherit; font-weight: 600; cursor: pointer; } button:disabled { opacity: .6; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.caller { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: .75rem; padding: 1rem;
  background: var(--soft); border-radius: 8px; } .caller span { display: block; font-size: 13px; color: var(--quiet); }
@media (max-width: 60rem) { body { display: block; } nav { position: static; height: auto; max-height: 40vh; }
  main { padding: 1rem; } }
`;
