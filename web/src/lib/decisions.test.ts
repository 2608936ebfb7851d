import type { Translator } from '@/i18n';
import es from '@/i18n/es';
import { describe, expect, it } from 'vitest';
import { sentence } from './decisions';

const texts: Record<string, string> = es;
const maybe = (key: string) => texts[key];
const t = Object.assign(maybe, { maybe, rich: (key: string) => texts[key] }) as unknown as Translator;
const ana = { id: 1, name: 'Ana' };
const beto = { id: 2, name: 'Beto' };

describe('decisions in a sentence', () => {
  it.each([
    [ana, beto, 'Derivada de {from} a {to}'],
    [null, beto, 'Derivada a {to}'],
    [ana, null, '{from} la derivó a la cola'],
    [null, null, 'Derivada a la cola'],
  ])('a_transfer_names_only_whom_there_is', (from, to, text) => {
    expect(sentence(t, { act: 'transfer', reason: 'transferred', from, to })).toBe(text);
  });
});
