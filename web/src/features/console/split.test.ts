import { describe, expect, it } from 'vitest';
import { measure, split } from './split';

describe('texts longer than their channel', () => {
  it('core_5_2_bytes_are_counted_where_the_channel_counts_bytes', () => {
    const text = '😀'.repeat(999);
    expect([measure(text, 'characters'), measure(text, 'bytes')]).toEqual([999, 3_996]);
    const pieces = split(text, 1_000, 'bytes');
    expect(pieces.map((piece) => measure(piece, 'bytes'))).toEqual([1_000, 1_000, 1_000, 996]);
    expect(pieces.join('')).toBe(text);
  });

  it('core_5_a_text_is_split_after_paragraphs_then_sentences_then_words', () => {
    const first = 'Uno dos tres.\n\nCuatro cinco.';
    expect(split(`${first} Seis siete ocho.`, 20, 'characters')).toEqual(['Uno dos tres.', 'Cuatro cinco.', 'Seis siete ocho.']);
    expect(split('Hola. Esto sigue y sigue', 14, 'characters')).toEqual(['Hola.', 'Esto sigue y', 'sigue']);
    expect(split('uno dos tres', 7, 'characters')).toEqual(['uno dos', 'tres']);
    expect(split('corto', 7, 'characters')).toEqual(['corto']);
    expect(split('   ', 7, 'characters')).toEqual([]);
  });

  it('core_5_nothing_is_split_inside_an_emoji_or_a_link', () => {
    const family = '👨‍👩‍👧';
    expect(split(family.repeat(3), 6, 'characters')).toEqual([family, family, family]);
    const link = 'https://ejemplo.com/a/b/c';
    expect(split(`mire:${link}`, 26, 'characters')).toEqual(['mire:', link]);
    expect(split(`mire ${link} y diga`, 26, 'characters')).toEqual(['mire', link, 'y diga']);
  });

  it('core_5_every_piece_fits_and_nothing_is_lost', () => {
    const words = 'La garantía vence el 3. ¿Quiere el comprobante? Está en https://ejemplo.com/g 👍🏽 ';
    for (const unit of ['characters', 'bytes'] as const)
      for (const most of [17, 40, 100, 333]) {
        const text = words.repeat(20);
        const pieces = split(text, most, unit);
        if (most >= 40) expect(Math.max(...pieces.map((piece) => measure(piece, unit)))).toBeLessThanOrEqual(most);
        expect(pieces.join('').replace(/\s/gu, '')).toBe(text.replace(/\s/gu, ''));
      }
  });
});
