import type { ContentLimits } from '@/api/types';
import { expect, test } from 'vitest';
import { misfit } from './attachments';

const MB = 1 << 20;
const limits = {
  whatsapp: {
    image: { types: ['image/jpeg', 'image/png'], max_bytes: 5 * MB },
    video: { types: ['video/mp4'], max_bytes: 16 * MB },
    audio: { types: ['audio/ogg'], max_bytes: 16 * MB },
    document: { types: [], max_bytes: 100 * MB },
  },
  instagram: { image: { types: ['image/png'], max_bytes: 8 * MB }, document: { types: ['application/pdf'], max_bytes: 25 * MB } },
} as unknown as ContentLimits;

test('core_5_1_a_large_picture_can_be_made_smaller_or_sent_as_a_link', () => {
  expect(misfit(limits, 'whatsapp', { mime: 'image/jpeg', size: 6 * MB })).toEqual({ why: 'size', max: 5 * MB, smaller: true });
  expect(misfit(limits, 'whatsapp', { mime: 'image/jpeg', size: 5 * MB })).toBeNull();
  expect(misfit(limits, 'whatsapp', { mime: 'image/gif', size: 10 })).toEqual({ why: 'type', max: 5 * MB, smaller: true });
  expect(misfit(limits, 'whatsapp', { mime: 'application/zip', size: 101 * MB })?.smaller).toBe(false);
});

test('core_5_4_a_kind_that_the_channel_does_not_know_is_a_link', () => {
  const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
  expect(misfit(limits, 'instagram', { mime: docx, size: 10 })?.why).toBe('type');
  expect(misfit(limits, 'instagram', { mime: 'audio/ogg', size: 10 })?.why).toBe('type');
  expect(misfit(undefined, 'whatsapp', { mime: docx, size: 10 })).toBeNull();
});
