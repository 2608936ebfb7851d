import { describe, expect, it } from 'vitest';
import { pasted } from './composer-files';

describe('pasted files', () => {
  const check = (names: string[], text: string, expected: string[]) => {
    const files = names.map((name) => new File([''], name)) as unknown as FileList;
    expect(pasted({ files, getData: () => text }).map((file) => file.name)).toEqual(expected);
  };

  it('are_taken_unless_they_are_a_picture_of_the_text', () => {
    check(['image.png'], '', ['image.png']);
    check(['image.png'], 'A1\tB1\nA2\tB2', []);
    check(['a.pdf', 'b.pdf'], 'a.pdf\nb.pdf', ['a.pdf', 'b.pdf']);
    check([], 'words', []);
  });
});
