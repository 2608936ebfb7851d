// B13 and B14: what a browser loads first, in bytes after gzip. Run by `make bench` and, with --check, by `make test`.
// Prints one JSON line per figure. Needs the built folders web/dist and widget/dist.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const KIB = 1024;
const WEB_GOAL = 250 * KIB;

/** @param {string} file */
const gzipped = (file) => gzipSync(readFileSync(file), { level: 9 }).length;

/** The scripts and styles that stand in the page, and everything they import at once. */
function firstLoad(dist) {
  const page = readFileSync(join(dist, 'index.html'), 'utf8');
  const tags = page.match(/<(?:script|link)\b[^>]*>/g) ?? [];
  const files = new Set();
  for (const tag of tags) {
    const wanted = tag.startsWith('<script') || /rel="(?:stylesheet|modulepreload)"/.test(tag);
    const path = /(?:src|href)="\/?([^"]+\.(?:js|css))"/.exec(tag)?.[1];
    if (wanted && path) files.add(path);
  }
  const manifest = join(dist, '.vite/manifest.json');
  if (existsSync(manifest)) {
    const chunks = JSON.parse(readFileSync(manifest, 'utf8'));
    const follow = (key) => {
      const chunk = chunks[key];
      if (!chunk || files.has(`seen ${key}`)) return;
      files.add(`seen ${key}`);
      files.add(chunk.file);
      for (const style of chunk.css ?? []) files.add(style);
      for (const next of chunk.imports ?? []) follow(next);
    };
    // The page's own entry, and the agent console with it: its page is what an agent opens in the morning.
    for (const [key, chunk] of Object.entries(chunks)) {
      if (chunk.isEntry || /console|inbox|agent/i.test(chunk.src ?? '')) follow(key);
    }
  }
  return [join(dist, 'index.html'), ...[...files].filter((f) => !f.startsWith('seen ')).map((f) => join(dist, f))];
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
