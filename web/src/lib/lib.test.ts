import { describe, expect, it } from 'vitest';
import { initials, spans } from './text';
import { coarse, countdown, dayKey, daysAgo, duration } from './time';

describe('times', () => {
  it('durations_are_short_and_exact_while_short', () => {
    expect([0, 48_000, 760_000, 3_900_000, 90_000_000].map(duration)).toEqual(['0:00', '0:48', '12:40', '1 h 05', '1 d']);
  });
  it('a_countdown_shows_zero_only_when_it_is_over', () => {
    expect([1, 1_000, 1_001, 0, -5].map(countdown)).toEqual(['0:01', '0:01', '0:02', '0:00', '0:00']);
  });
  it('a_window_is_told_in_its_largest_unit', () => {
    expect([82_800_000, 5_400_000, 2_460_000].map(coarse)).toEqual(['23 h', '1:30 h', '41 min']);
  });
  it('days_are_those_of_the_workspace', () => {
    const at = Date.UTC(2026, 10, 25, 1, 0);
    expect(dayKey(at, 'America/Argentina/Buenos_Aires')).toBe('2026-11-24');
    expect(daysAgo(at, at + 3 * 3_600_000, 'America/Argentina/Buenos_Aires')).toBe(1);
  });
});

describe('words', () => {
  it('initials_work_for_all_scripts', () => {
    expect(['Marisol Quispe Mamani', 'María de los Ángeles', 'محمد العلي', '🙌', 'ana'].map(initials)).toEqual([
      'MQ',
      'MÁ',
      'ما',
      '·',
      'A',
    ]);
  });
  it('formatting_is_drawn_and_code_stays_code', () => {
    expect(spans('Hola *Ana*, ver https://a.example/x_y_z. 2*3*4 `a*b*`').map((s) => [s.kind, s.text])).toEqual([
      ['text', 'Hola '],
      ['bold', 'Ana'],
      ['text', ', ver '],
      ['link', 'https://a.example/x_y_z'],
      ['text', '. 2*3*4 '],
      ['code', 'a*b*'],
    ]);
  });
});
