import { renderHook } from '@testing-library/react';
import { beforeEach, expect, it } from 'vitest';
import { askFirst, forgetEdits, leave, leaving, useUnsaved } from './unsaved';

let gone: string[] = [];
const go = (to: string) => void gone.push(to);
const edited = () => renderHook(({ unsaved }) => useUnsaved(unsaved), { initialProps: { unsaved: true } });

beforeEach(() => {
  forgetEdits();
  leaving.set(null);
  gone = [];
  history.replaceState(null, '', '/dashboard/hours');
});

it('without_edits_one_goes_at_once', () => {
  askFirst(go, '/dashboard/users');
  expect([gone, leaving.get()]).toEqual([['/dashboard/users'], null]);
});

it('with_edits_one_goes_when_it_is_agreed_to', () => {
  edited();
  askFirst(go, '/dashboard/users');
  expect(gone).toEqual([]);
  leaving.get()?.go();
  expect(gone).toEqual(['/dashboard/users']);
});

it('within_a_page_the_page_knows_what_is_lost', () => {
  edited();
  askFirst(go, '/dashboard/hours?field=zone');
  expect(gone).toEqual(['/dashboard/hours?field=zone']);
});

it('edits_that_are_saved_or_gone_hold_nobody', () => {
  const [saved, closed] = [edited(), edited()];
  saved.rerender({ unsaved: false });
  leave(() => go('a'));
  closed.unmount();
  leave(() => go('b'));
  expect(gone).toEqual(['b']);
});

it('a_step_back_asks_and_stays', () => {
  edited();
  history.replaceState(null, '', '/dashboard/home');
  let told = false;
  addEventListener('popstate', () => (told = true), { once: true });
  dispatchEvent(new PopStateEvent('popstate'));
  expect([told, location.pathname, leaving.get() !== null]).toEqual([false, '/dashboard/hours', true]);
});

it('a_reload_asks_while_there_are_edits', () => {
  const { rerender } = edited();
  const asks = () => !dispatchEvent(new Event('beforeunload', { cancelable: true }));
  expect(asks()).toBe(true);
  rerender({ unsaved: false });
  expect(asks()).toBe(false);
});
