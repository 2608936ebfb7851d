import { expect, test } from 'vitest';
import { added, dateText } from './exceptions';

test('days that are in the list already are not added twice', () => {
  const known = [
    { name: 'Navidad', date: '2020-12-25', yearly: true },
    { name: 'Asueto', date: '2026-11-02' },
  ];
  const more = [
    { name: 'Natal', date: '2026-12-25', yearly: true },
    { name: 'Otro', date: '2026-11-02' },
    { name: 'Año Nuevo', date: '2026-01-01', yearly: true },
  ];
  const { list, fresh } = added(known, more);
  expect(fresh).toBe(1);
  expect(list.map((one) => one.name)).toEqual(['Navidad', 'Año Nuevo', 'Asueto']);
});

test('a date that comes every year has no year', () => {
  expect(dateText('2026-12-25', true, 'es')).toBe('25 dic');
  expect(dateText('2026-12-25', false, 'es')).toContain('2026');
  expect(dateText('x', false, 'es')).toBe('x');
});
