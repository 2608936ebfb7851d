import { expect, test } from 'vitest';
import { ogg, packets, samples } from './voice';

const head = new TextEncoder().encode('OpusHead\u0001\u0001________');

/** An element with a size of one byte, or of unknown size. */
function element(id: number[], content: number[] | Uint8Array, unknown = false): number[] {
  const size = unknown ? [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff] : content.length < 127 ? [0x80 | content.length] : [0x40 | (content.length >> 8), content.length & 0xff];
  return [...id, ...size, ...content];
}

const block = (sound: number[]) => element([0xa3], [0x81, 0, 0, 0x80, ...sound]);

test('ag_9_5_a_recording_of_the_browser_is_read_packet_by_packet', () => {
  const sound = [[0x78, 1, 2, 3], [0x78, 4], Array<number>(300).fill(9)];
  const entry = element([0xae], [...element([0xd7], [1]), ...element([0x63, 0xa2], [...head])]);
  const cluster = element([0x1f, 0x43, 0xb6, 0x75], [...element([0xe7], [0]), ...sound.flatMap(block)], true);
  const segment = element([0x18, 0x53, 0x80, 0x67], [...element([0x16, 0x54, 0xae, 0x6b], entry), ...cluster], true);
  const webm = new Uint8Array([...element([0x1a, 0x45, 0xdf, 0xa3], [1, 2, 3]), ...segment]);
  const read = packets(webm);
  expect([...(read.head ?? [])]).toEqual([...head]);
  expect(read.sound.map((one) => [...one])).toEqual(sound);
});

test('ag_9_5_the_length_of_a_packet_is_in_its_first_byte', () => {
  expect(samples(new Uint8Array([0x78]))).toBe(960);
  expect(samples(new Uint8Array([0xf8]))).toBe(960);
  expect(samples(new Uint8Array([0x08]))).toBe(960);
  expect(samples(new Uint8Array([0x79]))).toBe(1_920);
  expect(samples(new Uint8Array([0x7b, 3]))).toBe(2_880);
});

/** The checksum of RFC 3533, bit by bit: another way than the table of the program. */
function plain(page: Uint8Array): number {
  let value = 0;
  for (const byte of page) {
    value = (value ^ (byte << 24)) >>> 0;
    for (let i = 0; i < 8; i += 1) value = (value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1) >>> 0;
  }
  return value;
}

test('ag_9_5_what_comes_out_is_ogg_with_the_same_packets', () => {
  const sound = Array.from({ length: 120 }, (_, i) => new Uint8Array([0x78, ...Array<number>(i * 3).fill(i)]));
  const file = ogg(head, sound);
  const view = new DataView(file.buffer);
  const found: number[][] = [];
  let at = 0;
  let pages = 0;
  let granule = 0;
  let kind = 0;
  while (at < file.length) {
    expect(new TextDecoder().decode(file.subarray(at, at + 4))).toBe('OggS');
    expect(view.getUint32(at + 18, true)).toBe(pages);
    kind = file[at + 5] ?? 0;
    granule = view.getUint32(at + 6, true);
    const lacing = [...file.subarray(at + 27, at + 27 + (file[at + 26] ?? 0))];
    const size = 27 + lacing.length + lacing.reduce((a, b) => a + b, 0);
    const copy = file.slice(at, at + size);
    const sum = view.getUint32(at + 22, true);
    copy.fill(0, 22, 26);
    expect(plain(copy)).toBe(sum);
    let from = at + 27 + lacing.length;
    let packet: number[] = [];
    for (const part of lacing) {
      packet.push(...file.subarray(from, from + part));
      from += part;
      if (part < 255) {
        found.push(packet);
        packet = [];
      }
    }
    at += size;
    pages += 1;
  }
  expect(kind).toBe(4);
  expect(granule).toBe(120 * 960);
  expect(found[0]).toEqual([...head]);
  expect(new TextDecoder().decode(new Uint8Array(found[1] ?? []).subarray(0, 8))).toBe('OpusTags');
  expect(found.slice(2)).toEqual(sound.map((one) => [...one]));
});
