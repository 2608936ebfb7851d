import { expect, test } from 'vitest';
import { closedNow, openMs } from './hours';
import { openingTime } from './time';

const NIGHT = { from: 100, to: 200 };

test('cp_9_1_a_clock_stands_still_while_closed', () => {
  expect(openMs([NIGHT], 50, 250)).toBe(100);
  expect(openMs([NIGHT], 120, 250)).toBe(50);
  expect(openMs([NIGHT], 180, 250)).toBe(50);
  expect(openMs([NIGHT], 210, 250)).toBe(40);
  expect(openMs([NIGHT], 260, 250)).toBe(-10);
  expect(openMs([{ from: 100 }], 50, 250)).toBe(50);
});

test('the closed time around now is found', () => {
  expect(closedNow([NIGHT], 99)).toBeUndefined();
  expect(closedNow([NIGHT], 100)).toBe(NIGHT);
  expect(closedNow([NIGHT], 200)).toBeUndefined();
  expect(closedNow([{ from: 5, to: null }], 900)).toEqual({ from: 5, to: null });
});

test('an opening is said by its day', () => {
  const zone = 'America/Argentina/Buenos_Aires';
  const now = Date.parse('2026-11-27T22:00:00Z');
  const say = (at: string) => openingTime(Date.parse(at), now, 'es', zone);
  expect(say('2026-11-28T01:00:00Z')).toBe('22:00');
  expect(say('2026-11-30T12:00:00Z')).toBe('lunes 09:00');
  expect(say('2027-01-04T12:00:00Z')).toContain('ene');
});
