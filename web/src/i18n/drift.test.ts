import { describe, expect, it } from 'vitest';
import en from './en';
import es from './es';
import { fill, placeholders } from './format';
import panelEn from './panel.en';
import panelEs from './panel.es';
import panelPt from './panel.pt';
import pt from './pt';

const source: Record<string, string> = { ...es, ...panelEs };
const others: Record<string, Record<string, string>> = { en: { ...en, ...panelEn }, pt: { ...pt, ...panelPt } };

const files = import.meta.glob('../**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true }) as Record<string, string>;
const code = Object.entries(files)
  .filter(([path]) => !/^\.\/(panel\.)?(es|en|pt)\.ts$|\.test\./u.test(path))
  .map(([, text]) => text)
  .join('\n');

describe('texts', () => {
  it('no_key_is_in_both_catalogs', () => {
    expect(Object.keys(es).filter((key) => key in panelEs)).toEqual([]);
  });

  for (const [language, texts] of Object.entries(others)) {
    it(`${language}_has_the_same_keys_and_values_as_es`, () => {
      expect(Object.keys(texts).sort()).toEqual(Object.keys(source).sort());
      const differ = Object.keys(source).filter(
        (key) => placeholders(source[key] ?? '').join() !== placeholders(texts[key] ?? '').join(),
      );
      expect(differ).toEqual([]);
    });
  }

  it('no_text_is_empty', () => {
    const all = [source, ...Object.values(others)].flatMap((texts) => Object.entries(texts));
    expect(all.filter(([, text]) => text.trim() === '')).toEqual([]);
  });

  it('each_text_is_used', () => {
    const literals = new Set(Array.from(code.matchAll(/['"]([\w.-]+)['"]/gu), (match) => match[1]));
    const families = Array.from(code.matchAll(/`([\w.-]*[.])\$\{/gu), (match) => match[1] ?? '');
    const unused = Object.keys(source).filter(
      (key) => !literals.has(key) && !families.some((family) => key.startsWith(family)),
    );
    expect(unused).toEqual([]);
  });

  it('plurals_and_values_are_filled_in', () => {
    expect(fill('{n|# chat|# chats} de {who}', { n: 1, who: 'Ana' }, 'es')).toBe('1 chat de Ana');
    expect(fill('{n|# chat|# chats}', { n: 12_345 }, 'es')).toBe('12.345 chats');
  });
});
