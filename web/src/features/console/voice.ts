/**
 * Voice notes as telephones know them: Opus in Ogg. Browsers that record Opus only in WebM get it put into Ogg here; the
 * sound itself is not touched. Sources: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg), RFC 6716 §3.1 (length of a packet).
 */

const MASTERS = new Set([0x18538067, 0x1f43b675, 0x1654ae6b, 0xae, 0xa0]);
const CODEC_PRIVATE = 0x63a2;
const SIMPLE_BLOCK = 0xa3;
const BLOCK = 0xa1;
/** Track number, two bytes of time, flags. */
const BLOCK_HEAD = 4;
/** Packets of a page: a second of usual packets. */
const PAGE_PACKETS = 50;
const SEGMENT = 255;

/** The header of Opus and its packets, as a WebM file holds them. */
export function packets(webm: Uint8Array): { head: Uint8Array | null; sound: Uint8Array[] } {
  const view = new DataView(webm.buffer, webm.byteOffset, webm.byteLength);
  const sound: Uint8Array[] = [];
  let head: Uint8Array | null = null;
  let at = 0;
  const number = (keepMark: boolean): number => {
    const first = view.getUint8(at);
    const length = Math.clz32(first) - 23;
    let value = keepMark ? first : first & (0xff >> length);
    let unknown = !keepMark && value === 0xff >> length;
    for (let i = 1; i < length; i += 1) {
      const next = view.getUint8(at + i);
      unknown = unknown && next === 0xff;
      value = value * 256 + next;
    }
    at += length;
    return unknown ? Infinity : value;
  };
  while (at < webm.length - 1) {
    const id = number(true);
    if (at >= webm.length) break;
    const size = number(false);
    // What has other elements in it is entered; its end does not matter.
    if (MASTERS.has(id)) continue;
    const end = Math.min(webm.length, at + size);
    if (id === CODEC_PRIVATE) head = webm.slice(at, end);
    else if (id === SIMPLE_BLOCK || id === BLOCK) sound.push(webm.slice(at + BLOCK_HEAD, end));
    at = end;
  }
  return { head, sound };
}

/** Samples of a packet at 48 kHz. */
export function samples(packet: Uint8Array): number {
  const toc = packet[0] ?? 0;
  const config = toc >> 3;
  const frame = config < 12 ? [480, 960, 1920, 2880][config & 3] : config < 16 ? [480, 960][config & 1] : [120, 240, 480, 960][config & 3];
  const code = toc & 3;
  const frames = code === 0 ? 1 : code < 3 ? 2 : (packet[1] ?? 0) & 63;
  return (frame ?? 960) * frames;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  let value = i << 24;
  for (let bit = 0; bit < 8; bit += 1) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value >>> 0;
});

function checksum(page: Uint8Array): number {
  let value = 0;
  for (const byte of page) value = ((value << 8) ^ (TABLE[((value >>> 24) ^ byte) & 0xff] ?? 0)) >>> 0;
  return value;
}

/** Puts Opus into Ogg. */
export function ogg(head: Uint8Array, sound: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const pages: Uint8Array[] = [];
  const serial = 0x726f6e64;
  const page = (content: readonly Uint8Array[], granule: number, kind: number) => {
    const lacing = content.flatMap((packet) => [...Array<number>(Math.floor(packet.length / SEGMENT)).fill(SEGMENT), packet.length % SEGMENT]);
    const bytes = new Uint8Array(27 + lacing.length + content.reduce((n, packet) => n + packet.length, 0));
    const view = new DataView(bytes.buffer);
    bytes.set([0x4f, 0x67, 0x67, 0x53, 0, kind]);
    view.setUint32(6, granule, true);
    view.setUint32(14, serial, true);
    view.setUint32(18, pages.length, true);
    bytes[26] = lacing.length;
    bytes.set(lacing, 27);
    let at = 27 + lacing.length;
    for (const packet of content) {
      bytes.set(packet, at);
      at += packet.length;
    }
    view.setUint32(22, checksum(bytes), true);
    pages.push(bytes);
  };
  const vendor = new TextEncoder().encode('ronda');
  const tags = new Uint8Array(16 + vendor.length);
  tags.set(new TextEncoder().encode('OpusTags'));
  new DataView(tags.buffer).setUint32(8, vendor.length, true);
  tags.set(vendor, 12);
  page([head], 0, 2);
  page([tags], 0, 0);
  let granule = 0;
  let content: Uint8Array[] = [];
  let lacing = 0;
  sound.forEach((packet, i) => {
    content.push(packet);
    lacing += Math.floor(packet.length / SEGMENT) + 1;
    granule += samples(packet);
    const last = i === sound.length - 1;
    const next = sound[i + 1];
    if (last || content.length >= PAGE_PACKETS || lacing + Math.floor((next?.length ?? 0) / SEGMENT) + 1 > SEGMENT) {
      page(content, granule, last ? 4 : 0);
      content = [];
      lacing = 0;
    }
  });
  const whole = new Uint8Array(pages.reduce((n, one) => n + one.length, 0));
  let at = 0;
  for (const one of pages) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
}

const OGG = 'audio/ogg;codecs=opus';
const WEBM = 'audio/webm;codecs=opus';

/** Whether this browser can record what telephones play. */
export const canRecord = (): boolean =>
  typeof MediaRecorder !== 'undefined' && !!navigator.mediaDevices && [OGG, WEBM].some((type) => MediaRecorder.isTypeSupported(type));

export interface Recording {
  /** Ends it; the voice note, or nothing when there was no sound. */
  finish(): Promise<Blob | null>;
  cancel(): void;
}

/** Begins to record; the browser asks for permission. */
export async function record(): Promise<Recording> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  const native = MediaRecorder.isTypeSupported(OGG);
  const recorder = new MediaRecorder(stream, { mimeType: native ? OGG : WEBM, audioBitsPerSecond: 32_000 });
  const parts: Blob[] = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.start();
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  return {
    async finish() {
      const ended = new Promise((resolve) => (recorder.onstop = resolve));
      recorder.stop();
      await ended;
      stop();
      const whole = new Blob(parts, { type: 'audio/ogg' });
      if (native) return whole.size > 0 ? whole : null;
      const { head, sound } = packets(new Uint8Array(await whole.arrayBuffer()));
      return head && sound.length > 0 ? new Blob([ogg(head, sound)], { type: 'audio/ogg' }) : null;
    },
    cancel() {
      recorder.stop();
      stop();
    },
  };
}
