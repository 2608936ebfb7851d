import type { ComponentChildren } from 'preact';

const PART = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]|([*_~`])(?=\S)([^\n]*?\S)\1/g;
const TAGS: Record<string, 'b' | 'i' | 's' | 'code'> = { '*': 'b', _: 'i', '~': 's', '`': 'code' };
const WORD = /[\p{L}\p{N}]/u;

/** Text with its addresses as links and, unless `plain`, with the formatting people know from WhatsApp. */
export function Linked({ text, plain }: { text: string; plain?: boolean }) {
  const parts: ComponentChildren[] = [];
  let from = 0;
  PART.lastIndex = 0;
  for (let match; (match = PART.exec(text)); ) {
    const [all, mark, inner] = match;
    const to = match.index + all.length;
    // A mark inside of a word is a character; what follows it may still be a link.
    if (mark && (plain || WORD.test(text.charAt(match.index - 1) + text.charAt(to)))) {
      PART.lastIndex = match.index + 1;
      continue;
    }
    const Tag = TAGS[mark ?? ''];
    parts.push(
      text.slice(from, match.index),
      Tag ? (
        <Tag>{inner}</Tag>
      ) : (
        <a href={all} target="_blank" rel="noopener noreferrer nofollow">
          {all}
        </a>
      ),
    );
    from = to;
  }
  parts.push(text.slice(from));
  return <>{parts}</>;
}

export function sizeText(bytes: number, language: string): string {
  const [value, unit] = bytes >= 1048576 ? [bytes / 1048576, 'MB'] : [Math.max(1, bytes / 1024), 'KB'];
  return `${value.toLocaleString(language, { maximumFractionDigits: value < 10 ? 1 : 0 })} ${unit}`;
}
