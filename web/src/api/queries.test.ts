import { afterEach, expect, it, vi } from 'vitest';
import { api } from './client';
import { whole } from './queries';

afterEach(() => vi.restoreAllMocks());

it('cp_5_a_list_that_is_shown_whole_has_every_page', async () => {
  const pages = [
    { items: [1, 2], next_cursor: 'b' },
    { items: [3], next_cursor: null },
  ];
  const get = vi.spyOn(api, 'get').mockImplementation(() => Promise.resolve(pages.shift()));
  expect(await whole<number>('/users')).toEqual([1, 2, 3]);
  expect(get.mock.calls.map(([path, query]) => [path, query?.cursor])).toEqual([
    ['/users', undefined],
    ['/users', 'b'],
  ]);
});
