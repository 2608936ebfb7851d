import { fold } from '@/lib/text';

/** Emoji that agents use, each with the words by which `:` finds it, in the three languages. */
const LIST: readonly [emoji: string, words: string][] = [
  ['😀', 'sonrisa smile sorriso'],
  ['😄', 'feliz alegre happy contente'],
  ['😂', 'risa jaja laugh riso lol'],
  ['😊', 'gusto agrado blush prazer'],
  ['😍', 'amor ojos love olhos'],
  ['😉', 'guiño wink piscar'],
  ['😎', 'genial cool legal'],
  ['🤔', 'duda pensar think pensando'],
  ['😅', 'uf alivio sweat alivio'],
  ['😢', 'triste llanto sad cry choro'],
  ['😮', 'sorpresa wow surpresa'],
  ['🙏', 'gracias por favor thanks please obrigado'],
  ['👍', 'ok bien si pulgar thumbs up joia bem'],
  ['👎', 'no mal thumbs down ruim'],
  ['👏', 'aplauso bravo clap aplauso'],
  ['🙌', 'festejo hurra hooray viva'],
  ['💪', 'fuerza dale strong força'],
  ['🤝', 'acuerdo trato deal acordo'],
  ['👋', 'hola chau hello bye ola tchau'],
  ['✌️', 'paz peace'],
  ['❤️', 'corazon amor heart love coração'],
  ['🔥', 'fuego fire fogo'],
  ['🎉', 'fiesta felicitaciones party parabens'],
  ['✨', 'brillo sparkles brilho'],
  ['⭐', 'estrella star estrela'],
  ['✅', 'listo hecho done pronto feito check'],
  ['❌', 'no error cruz cross erro'],
  ['⚠️', 'atencion cuidado warning atenção'],
  ['⏰', 'hora reloj clock relogio'],
  ['📦', 'paquete caja envio box package pacote'],
  ['🚚', 'envio camion entrega delivery truck entrega'],
  ['💳', 'tarjeta pago card payment cartão pagamento'],
  ['🧾', 'factura recibo invoice receipt recibo'],
  ['📞', 'telefono llamada phone call telefone'],
  ['📍', 'lugar direccion ubicacion place pin local'],
  ['📎', 'adjunto clip attachment anexo'],
  ['🛒', 'carrito compra cart carrinho'],
  ['🎁', 'regalo gift presente'],
  ['🏠', 'casa home'],
  ['☕', 'cafe coffee'],
  ['🧉', 'mate chimarrão'],
  ['🍀', 'suerte luck sorte'],
  ['🌞', 'sol sun'],
];

export const EMOJI: readonly string[] = LIST.map(([emoji]) => emoji);
/** Offered first for a reaction. */
export const REACTIONS = ['👍', '❤️', '😂', '😮', '😢', '🙏'] as const;

const MOST = 6;

export interface Completion {
  /** Where the `:` stands in the text. */
  from: number;
  found: readonly string[];
}

/** What `:wor` before the caret could become; `null` when nobody is looking for an emoji. */
export function completion(text: string, caret: number): Completion | null {
  const match = /(?:^|\s):([\p{L}]{2,20})$/u.exec(text.slice(0, caret));
  if (!match?.[1]) return null;
  const start = fold(match[1]);
  const found = LIST.filter(([, words]) => fold(words).split(' ').some((word) => word.startsWith(start))).map(([emoji]) => emoji);
  return found.length > 0 ? { from: caret - match[1].length - 1, found: found.slice(0, MOST) } : null;
}
