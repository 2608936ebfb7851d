import { expect, test } from 'vitest';
import { clock, dragged, minutes, next, pieces, sound, spansOf, total } from './spans';

test('what people type as a time is understood', () => {
  for (const [text, at] of [['9', 540], ['09:30', 570], ['9.30', 570], ['930', 570], ['1830', 1_110], [' 7 h ', 420]] as const) expect(minutes(text)).toBe(at);
  for (const text of ['', 'x', '24:00', '9:60', '25', '9:5', '-1']) expect(minutes(text)).toBeNull();
  expect(minutes('24', true)).toBe(1_440);
  expect([clock(0), clock(570), clock(1_440), clock(1_800)]).toEqual(['00:00', '09:30', '24:00', '06:00']);
});

test('stretches that touch or overlap become one', () => {
  const day = [
    { from: '12:00', to: '14:00' },
    { from: '09:00', to: '12:30' },
  ];
  expect(spansOf(pieces(day))).toEqual([{ from: '09:00', to: '14:00' }]);
  expect(pieces([{ from: '22:00', to: '06:00' }])).toEqual([{ from: 1_320, to: 1_800 }]);
  expect(spansOf([{ from: 1_320, to: 1_800 }])).toEqual([{ from: '22:00', to: '06:00' }]);
});

test('a week knows how long it is and where the next stretch goes', () => {
  const nine = [{ from: '09:00', to: '18:00' }];
  expect(total([nine, nine, [], [{ from: '22:00', to: '06:00' }]])).toBe((9 + 9 + 8) * 60);
  expect(next([])).toEqual({ from: '09:00', to: '18:00' });
  expect(next([{ from: '09:00', to: '13:00' }])).toEqual({ from: '14:00', to: '18:00' });
  expect(sound([{ from: '09:00', to: '09:00' }])).toBe(false);
  expect(sound([{ from: '9', to: '18' }])).toBe(true);
});

test('a hand moves on the grid and stays inside the day', () => {
  const piece = { from: 540, to: 780 };
  expect(dragged(piece, 'move', 67)).toEqual({ from: 600, to: 840 });
  expect(dragged(piece, 'move', -9_999)).toEqual({ from: 0, to: 240 });
  expect(dragged(piece, 'move', 9_999)).toEqual({ from: 1_200, to: 1_440 });
  expect(dragged(piece, 'from', 9_999)).toEqual({ from: 765, to: 780 });
  expect(dragged(piece, 'to', 9_999)).toEqual({ from: 540, to: 1_440 });
  expect(dragged(piece, 'to', -9_999)).toEqual({ from: 540, to: 555 });
});
