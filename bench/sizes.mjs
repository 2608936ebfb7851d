// B13 and B14: what a browser loads first, in bytes after gzip. Run by `make bench` and, with --check, by `make test`.
// Prints one JSON line per figure. Needs the built folders web/dist and widget/dist.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const KIB = 1024;
const WEB_GOAL = 250 * KIB;

/** @param {string} file */
const gzipped = (file) => gzipSync(readFileSync(file), { level: 9 }).length;

/** The chunks that an agent's browser loads besides what the page names: the console and the Spanish texts. */
const CONSOLE = /^assets\/(?:console|es)-[^/]*\.js$/;

/** What stands in the page, the console's own chunks, and everything these import at once. */
function firstLoad(dist) {
  const page = readFileSync(join(dist, 'index.html'), 'utf8');
  const named = (page.match(/<(?:script|link)\b[^>]*>/g) ?? [])
    .filter((tag) => tag.startsWith('<script') || /rel="(?:stylesheet|modulepreload)"/.test(tag))
    .map((tag) => /(?:src|href)="\/?([^"]+\.(?:js|css))"/.exec(tag)?.[1]);
  const lazy = readdirSync(join(dist, 'assets')).map((file) => `assets/${file}`).filter((file) => CONSOLE.test(file));
  if (lazy.length < 2) throw new Error('web/dist has no chunk of the console or of the Spanish texts under the names known here');
  const files = new Set();
  const follow = (file) => {
    if (!file || files.has(file)) return;
    files.add(file);
    if (!file.endsWith('.js')) return;
    const text = readFileSync(join(dist, file), 'utf8');
    for (const [, next] of text.matchAll(/(?:\bfrom|\bimport)\s*["']\.\/([\w.-]+\.js)["']/g)) follow(`assets/${next}`);
  };
  [...named, ...lazy].forEach(follow);
  return ['index.html', ...files].map((file) => join(dist, file));
}

function web() {
  const files = firstLoad(join(root, 'web/dist'));
  const value = files.map(gzipped).reduce((a, b) => a + b, 0);
  return [{ id: 'B13', name: `agent console, first load of ${files.length} files, gzip`, value, goal: WEB_GOAL }];
}

function widget() {
  const budget = JSON.parse(readFileSync(join(root, 'widget/size-budget.json'), 'utf8'));
  return Object.entries(budget).map(([file, { gzip_bytes: goal }]) => ({
    id: 'B14',
    name: `widget ${file}, gzip`,
    value: gzipped(join(root, 'widget/dist', file)),
    goal,
  }));
}

const FOLDERS = { B13: 'web', B14: 'widget' };
const GOALS = { B13: web, B14: widget };
/** A tree without a package has no figure for it. */
const here = (id) => existsSync(join(root, FOLDERS[id], 'package.json'));
const only = process.argv.includes('--only') ? [process.argv[process.argv.indexOf('--only') + 1]] : Object.keys(GOALS).filter(here);
let over = 0;
for (const id of only) {
  for (const figure of GOALS[id]()) {
    const met = figure.value <= figure.goal;
    if (!met) over += 1;
    console.log(JSON.stringify({ ...figure, goal: `≤ ${figure.goal}`, unit: 'bytes', met }));
  }
}
if (process.argv.includes('--check') && over > 0) {
  console.error(`${over} over their budget`);
  process.exit(1);
}
