import { expect, it } from 'vitest';
import { csv } from './csv';

it('quotes what would break a row, and begins no formula', () => {
  expect(csv([['a', 1], ['x,"y"', -2], ['=1+1', '+54']])).toBe('a,1\r\n"x,""y""",-2\r\n\'=1+1,\'+54\r\n');
});
