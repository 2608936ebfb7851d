/** What the length of a text is counted in. */
export type Unit = 'characters' | 'bytes';

/** How long a text is for a channel. */
export function measure(text: string, unit: Unit): number {
  return unit === 'bytes' ? new TextEncoder().encode(text).length : Array.from(text).length;
}

/** A piece is not cut shorter than this part of what fits for the sake of a paragraph or a sentence. */
const LEAST = 1 / 3;

/** What belongs together as one sign: an emoji of several parts, a letter with its accent. */
const signs = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * A text in pieces that fit, in order: cut after a paragraph, else after a sentence, else between words, and inside a word
 * that is too long by itself between two signs. Never inside an emoji, nor inside a link that fits.
 */
export function split(text: string, most: number, unit: Unit): string[] {
  const pieces: string[] = [];
  let rest = text.trim();
  while (measure(rest, unit) > most) {
    const at = cut(rest, most, unit);
    pieces.push(rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
  }
  if (rest) pieces.push(rest);
  return pieces;
}

/** Where to cut a text that does not fit. */
function cut(text: string, most: number, unit: Unit): number {
  const end = fits(text, most, unit);
  // What stands behind the last space that fits may be cut off whole: a space at the very end counts.
  const head = text.slice(0, end + 1);
  for (const boundary of [/\n\s*\n/gu, /\n/gu, /[.!?…]["'»”)\]]*\s/gu]) {
    const at = last(head, boundary, end);
    if (at >= end * LEAST) return at;
  }
  const word = last(head, /\s/gu, end);
  if (word > 0) return word;
  const link = [...text.matchAll(/https?:\/\/\S+/gu)].find((found) => found.index < end && end < found.index + found[0].length);
  return link && link.index > 0 ? link.index : end;
}

/** The end of the last match that leaves a piece which fits; 0 without one. */
function last(head: string, boundary: RegExp, end: number): number {
  let at = 0;
  for (const found of head.matchAll(boundary)) {
    const inside = found[0].trimEnd().length;
    if (found.index + inside <= end) at = found.index + found[0].length;
  }
  return at;
}

/** The most signs from the start that fit, and at least one. */
function fits(text: string, most: number, unit: Unit): number {
  let [end, length] = [0, 0];
  for (const { segment } of signs.segment(text)) {
    length += measure(segment, unit);
    if (length > most && end > 0) break;
    end += segment.length;
  }
  return end;
}
