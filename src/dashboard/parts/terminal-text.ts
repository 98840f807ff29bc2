import { type Html, html } from './html.js';

/** Escape sequences of terminals: styles, movements of the cursor, titles and links. */
const SEQUENCES =
  /\u001b(?:\[([0-9;:]*)([@-~])|\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[PX^_][^\u001b]*\u001b\\|[ -/]*[0-~])|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;

interface Style {
  readonly colour?: string;
  readonly isBold?: boolean;
  readonly isFaint?: boolean;
  readonly isUnderlined?: boolean;
}

/** The text without the codes of terminals, as a terminal would leave it. */
export function plainText(text: string): string {
  return onScreen(text).replace(SEQUENCES, '');
}

/** The text with the colours and styles that it asks for, as classes of the style sheet. Other codes are dropped. */
export function terminalText(text: string): Html {
  const pieces: Html[] = [];
  let style: Style = {};
  let from = 0;
  const shown = onScreen(text);
  const add = (piece: string) => {
    if (piece !== '') pieces.push(styled(piece, style));
  };
  for (const match of shown.matchAll(SEQUENCES)) {
    const [all, codes, end] = match;
    add(shown.slice(from, match.index));
    from = match.index + all.length;
    if (end === 'm') style = restyled(style, codes ?? '');
  }
  add(shown.slice(from));
  return html`${pieces}`;
}

/** A progress bar writes its line again after each carriage return; the last writing stays. */
function onScreen(text: string): string {
  if (!text.includes('\r')) return text;
  return text
    .split('\n')
    .map((line) => line.replace(/\r+$/, ''))
    .map((line) => line.slice(line.lastIndexOf('\r') + 1))
    .join('\n');
}

function styled(text: string, { colour, isBold, isFaint, isUnderlined }: Style): Html {
  const classes = [
    colour === undefined ? '' : `ansi-${colour}`,
    isBold === true ? 'ansi-bold' : '',
    isFaint === true ? 'ansi-faint' : '',
    isUnderlined === true ? 'ansi-underlined' : '',
  ].filter((name) => name !== '');
  return classes.length === 0 ? html`${text}` : html`<span class="${classes.join(' ')}">${text}</span>`;
}

/** The style after a sequence of codes. Colours of 256 and of 24 bits have no class, so they keep the text's colour. */
function restyled(style: Style, codes: string): Style {
  let next = style;
  const numbers = codes.split(/[;:]/).map(Number);
  for (let index = 0; index < numbers.length; index += 1) {
    const code = numbers[index] ?? 0;
    if (code === 38 || code === 48) {
      index += numbers[index + 1] === 5 ? 2 : 4;
      if (code === 38) next = { ...next, colour: undefined };
    } else next = withCode(next, code);
  }
  return next;
}

function withCode(style: Style, code: number): Style {
  const colour = COLOURS[code >= 90 ? code - 90 : code - 30];
  if (colour !== undefined && (code < 40 || code >= 90)) return { ...style, colour };
  switch (code) {
    case 0:
      return {};
    case 1:
      return { ...style, isBold: true };
    case 2:
      return { ...style, isFaint: true };
    case 4:
      return { ...style, isUnderlined: true };
    case 22:
      return { ...style, isBold: false, isFaint: false };
    case 24:
      return { ...style, isUnderlined: false };
    case 39:
      return { ...style, colour: undefined };
    default:
      return style;
  }
}
