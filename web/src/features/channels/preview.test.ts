import { expect, it } from 'vitest';
import { inkOn } from './preview';

it('text_on_the_colour_of_a_site_is_readable', () => {
  expect(['#1f7a5c', '#ffe27a', '#000000', '#ffffff', 'nonsense'].map(inkOn)).toEqual([
    '#ffffff',
    '#1a1a17',
    '#ffffff',
    '#1a1a17',
    '#ffffff',
  ]);
});
