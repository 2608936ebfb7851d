// Builds the two scripts a customer's site loads, and stops when one of them is over its budget.
//
// w.js     the loader: everything that is transferred before a visitor opens the chat
// panel.js the panel: fetched at the first open, or when a visitor with a history returns
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, transform } from 'esbuild';
import { minify } from 'terser';

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, 'dist');

/** Style sheets are imported as minified text: they are applied through `adoptedStyleSheets`, which a strict content
 * security policy of the host page allows. */
const cssAsText = {
  name: 'css-as-text',
  setup(b) {
    b.onLoad({ filter: /\.css$/ }, async (args) => {
      const { code } = await transform(readFileSync(args.path, 'utf8'), { loader: 'css', minify: true });
      return { contents: code.trim(), loader: 'text' };
    });
  },
};

async function bundle(entry, define = {}) {
  const result = await build({
    entryPoints: [join(root, entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: ['chrome100', 'firefox102', 'safari15.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    charset: 'utf8',
    define,
    plugins: [cssAsText],
  });
  // Once more by another hand: what esbuild leaves is worth a fortieth of the panel.
  const { code } = await minify(result.outputFiles[0].text, { ecma: 2021, compress: { passes: 3 } });
  return code;
}

const panel = await bundle('src/panel/index.tsx');
// The loader names the exact panel it was built with, so the panel may be cached for good.
const version = createHash('sha256').update(panel).digest('hex').slice(0, 10);
const loader = await bundle('src/loader.ts', { PANEL_VERSION: JSON.stringify(version) });

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
writeFileSync(join(dist, 'w.js'), loader);
writeFileSync(join(dist, 'panel.js'), panel);
cpSync(join(root, 'demo'), join(dist, 'demo'), { recursive: true });

const budget = JSON.parse(readFileSync(join(root, 'size-budget.json'), 'utf8'));
let over = false;
for (const [file, { gzip_bytes }] of Object.entries(budget)) {
  const size = gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
  over ||= size > gzip_bytes;
  console.log(`${file.padEnd(9)} ${String(size).padStart(6)} of ${gzip_bytes} bytes gzip`);
}
if (over) {
  console.error('Over the budget of widget/size-budget.json.');
  process.exit(1);
}
