import type { ContentLimits, ChannelKind, MediaKind } from '@/api/types';

const QUALITIES = [0.86, 0.72, 0.58];
/** Longest side of a picture that was made smaller, in the order of tries. */
const SIDES = [2_560, 1_920, 1_280, 960];

export function mediaKind(mime: string): MediaKind {
  if (mime === 'image/jpeg' || mime === 'image/png' || mime === 'image/webp' || mime === 'image/gif') return 'image';
  if (mime.startsWith('video/')) return 'video';
  if (mime.startsWith('audio/')) return 'audio';
  return 'document';
}

export interface Misfit {
  /** What does not fit: the kind of file, or its size. */
  why: 'type' | 'size';
  max: number;
  /** It is a picture that can be made to fit. */
  smaller: boolean;
}

/** Why a channel does not carry a file; `null` when it does. What is not known is left to the server. */
export function misfit(limits: ContentLimits | undefined, channel: ChannelKind, file: { mime: string; size: number }): Misfit | null {
  const row = limits?.[channel];
  if (!row) return null;
  const kind = mediaKind(file.mime);
  const limit = kind === 'sticker' ? row.sticker : row[kind];
  const pictures = row.image?.types ?? [];
  const smaller = kind === 'image' && !!row.image && (pictures.length === 0 || pictures.includes('image/jpeg'));
  if (!limit) return { why: 'type', max: 0, smaller: false };
  if (limit.types?.length && !limit.types.includes(file.mime)) return { why: 'type', max: limit.max_bytes, smaller };
  return file.size > limit.max_bytes ? { why: 'size', max: limit.max_bytes, smaller } : null;
}

/** A picture as jpeg of at most so many bytes; `null` when the browser cannot read it. */
export async function compress(file: Blob, most: number): Promise<Blob | null> {
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture) return null;
  for (const side of SIDES) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(picture.width * scale)), Math.max(1, Math.round(picture.height * scale)));
    const brush = canvas.getContext('2d');
    if (!brush) return null;
    // What is clear would be black in a jpeg.
    brush.fillStyle = '#fff';
    brush.fillRect(0, 0, canvas.width, canvas.height);
    brush.drawImage(picture, 0, 0, canvas.width, canvas.height);
    for (const quality of QUALITIES) {
      const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality });
      if (blob.size <= most) return blob;
    }
  }
  return null;
}
