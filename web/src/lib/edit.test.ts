import { act, renderHook } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { arrive, rebase, together, useEdit } from './edit';

describe('edits on top of what somebody else saved', () => {
  const check = (before: unknown, mine: unknown, theirs: unknown, expected: unknown) => expect(rebase(before, mine, theirs)).toEqual(expected);

  it('what_was_not_touched_is_theirs_and_what_was_is_mine', () => {
    check({ name: 'a', zone: 'x' }, { name: 'b', zone: 'x' }, { name: 'c', zone: 'y' }, { name: 'b', zone: 'y' });
    check({ in: { a: 1, b: 1 } }, { in: { a: 2, b: 1 } }, { in: { a: 1, b: 3 } }, { in: { a: 2, b: 3 } });
  });

  it('a_list_is_one_value', () => check({ list: [1] }, { list: [1, 2] }, { list: [] }, { list: [1, 2] }));

  it('what_was_taken_out_stays_out_and_what_came_in_stays_in', () => {
    check({ 1: { limit: 5 } }, {}, { 1: { limit: 5 }, 2: { limit: 6 } }, { 2: { limit: 6 } });
    check({}, { 1: { limit: 5 } }, { 2: { limit: 6 } }, { 1: { limit: 5 }, 2: { limit: 6 } });
  });

  it('nothing_at_all_is_a_value_too', () => {
    check(null, { a: 1 }, { a: 2 }, { a: 1 });
    check({ a: 1 }, null, { a: 2 }, null);
    check(null, null, { a: 2 }, { a: 2 });
  });
});

describe('a newer version', () => {
  const check = (saved: string, value: string, fresh: string, expected: object) => expect(arrive({ version: 1, saved, value }, 2, fresh)).toEqual(expected);

  it('is_taken_where_nothing_is_edited', () => check('a', 'a', 'b', { version: 2, saved: 'b', value: 'b' }));
  it('is_taken_where_it_says_the_same', () => check('a', 'b', 'b', { version: 2, saved: 'b', value: 'b' }));
  it('of_something_else_changes_no_edit', () => check('a', 'b', 'a', { version: 2, saved: 'a', value: 'b' }));
  it('waits_for_a_choice_where_it_says_something_else', () => check('a', 'b', 'c', { version: 1, saved: 'a', value: 'b' }));
});

describe('an editor', () => {
  const editor = () => renderHook(({ version, fresh }) => useEdit(version, fresh), { initialProps: { version: 1, fresh: { name: 'Ana', limit: 5 } } });
  const theirs = { version: 2, fresh: { name: 'Ana María', limit: 9 } };

  it('keeps_its_edits_until_one_chooses', () => {
    const { result, rerender } = editor();
    act(() => result.current.put({ limit: 7 }));
    rerender(theirs);
    expect(result.current).toMatchObject({ newer: true, dirty: true, value: { name: 'Ana', limit: 7 } });
    act(() => result.current.keep());
    expect(result.current).toMatchObject({ newer: false, dirty: true, version: 2, value: { name: 'Ana María', limit: 7 } });
  });

  it('takes_theirs_when_asked_or_when_its_edits_are_discarded', () => {
    for (const how of ['take', 'discard'] as const) {
      const { result, rerender } = editor();
      act(() => result.current.put({ limit: 7 }));
      rerender(theirs);
      act(() => result.current[how]());
      expect(result.current).toMatchObject({ newer: false, dirty: false, version: 2, value: theirs.fresh });
    }
  });

  it('its_own_save_is_nobody_elses', () => {
    const { result, rerender } = editor();
    const sent = { name: ' Bea', limit: 5 };
    act(() => result.current.set(sent));
    act(() => result.current.put({ limit: 6 }));
    act(() => result.current.done({ name: 'Bea', limit: 5 }, sent));
    rerender({ version: 2, fresh: { name: 'Bea', limit: 5 } });
    expect(result.current).toMatchObject({ newer: false, dirty: true, version: 2, value: { name: 'Bea', limit: 6 } });
  });
});

it('of_several_only_those_with_something_to_choose_are_asked', () => {
  const asked: string[] = [];
  const choice = (name: string, newer: boolean) => ({ newer, take: () => void asked.push(name), keep: () => undefined });
  const both = together([choice('hours', false), choice('message', true)]);
  both.take();
  expect([both.newer, asked]).toEqual([true, ['message']]);
});
