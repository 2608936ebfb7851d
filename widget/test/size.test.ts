// @ts-expect-error the widget has no Node types: only this test runs outside a browser
import { readFileSync } from 'node:fs';
// @ts-expect-error as above
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import budget from '../size-budget.json';

describe('size', () => {
  for (const [file, { gzip_bytes }] of Object.entries(budget)) {
    it(`CP-3.1 ${file} is at most ${gzip_bytes} bytes gzip`, () => {
      expect(gzipSync(readFileSync(new URL(`../dist/${file}`, import.meta.url)), { level: 9 }).length).toBeLessThanOrEqual(gzip_bytes);
    });
  }
});
