import { expect, test } from 'vitest';
import { completion } from './emoji';

test('ag_9_a_colon_and_a_word_find_an_emoji_in_any_of_the_languages', () => {
  expect(completion('Hola :corazo', 12)?.found).toContain('❤️');
  expect(completion(':obrig', 6)).toEqual({ from: 0, found: ['🙏'] });
  expect(completion('gracias :than', 13)?.from).toBe(8);
});

test('ag_9_times_addresses_and_single_letters_are_left_alone', () => {
  expect(completion('a las 10:gr', 11)).toBeNull();
  expect(completion('https://x', 9)).toBeNull();
  expect(completion(':x', 2)).toBeNull();
  expect(completion('Nota: entrega', 13)).toBeNull();
  expect(completion(':zzz', 4)).toBeNull();
});
