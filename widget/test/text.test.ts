import { describe, expect, it } from 'vitest';
import { tooLong } from '../src/panel/composer';
import { Linked } from '../src/panel/text';
import { textsOf } from '../src/panel/texts';

/** What is drawn, as `<b>bold</b>`. */
function drawn(text: string, plain = false): string {
  const show = (node: unknown): string => {
    if (typeof node === 'string') return node;
    if (Array.isArray(node)) return node.map(show).join('');
    if (node === null || typeof node !== 'object') return '';
    const { type, props } = node as { type: unknown; props: { children?: unknown } };
    return typeof type === 'string' ? `<${type}>${show(props.children)}</${type}>` : show(props.children);
  };
  return show(Linked({ text, plain }));
}

describe('text of the company', () => {
  it.each([
    ['Hola *Ana*, _ya_ ~no~ `a*b*`', 'Hola <b>Ana</b>, <i>ya</i> <s>no</s> <code>a*b*</code>'],
    ['2*3*4 y snake_case_name', '2*3*4 y snake_case_name'],
    ['* lista *', '* lista *'],
    ['ver https://a.example/x_y_z.', 'ver <a>https://a.example/x_y_z</a>.'],
    ['~10, en https://a.example/~user', '~10, en <a>https://a.example/~user</a>'],
    ['<b>no</b> *sí*', '<b>no</b> <b>sí</b>'],
  ])('%s', (text, expected) => expect(drawn(text)).toBe(expected));

  it('keeps_the_marks_of_the_visitor', () => {
    expect(drawn('*Hola* https://a.example', true)).toBe('*Hola* <a>https://a.example</a>');
  });
});

describe('the length of a text', () => {
  it('is_that_of_the_server_in_characters', () => {
    const texts = textsOf('es');
    expect(tooLong('🧉'.repeat(10_000), texts)).toBe('');
    expect(tooLong(` ${'a'.repeat(10_003)} `, texts)).toBe('El texto es demasiado largo: sobran 3 caracteres.');
  });
});
