import { ApiError } from '@/api/client';
import { expect, it } from 'vitest';
import { Refusal } from './refusal';

const refused = (...pointers: string[]) => new Refusal(new ApiError(422, 'invalid', '', { errors: pointers.map((pointer) => ({ pointer, code: 'odd', message: `no ${pointer}` })) }));

it('what_no_field_asks_for_is_left_for_the_form', () => {
  const refusal = refused('/name', '/settings/greeting');
  expect(refusal.about('/name')).toBe('no /name');
  expect(refusal.about('/zone')).toBeUndefined();
  expect(refusal.left()).toEqual([{ pointer: '/settings/greeting', text: 'no /settings/greeting' }]);
});

it('a_list_that_is_one_field_tells_what_is_inside', () => {
  const refusal = refused('/settings/domains/2', '/settings/domainsome');
  expect(refusal.within('/settings/domains')).toBe('no /settings/domains/2');
  expect(refusal.left().map((one) => one.pointer)).toEqual(['/settings/domainsome']);
});

it('what_is_not_about_values_is_of_the_whole', () => {
  expect([refused('/name').ofFields, new Refusal(new ApiError(412, 'version_mismatch', '')).ofFields, new Refusal(null).ofFields]).toEqual([true, false, false]);
});
