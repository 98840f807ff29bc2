/** Escape sequences of terminals: styles, movements of the cursor, titles and links. */
const SEQUENCES =
  /\u001b(?:\[([0-9;:]*)([@-~])|\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[PX^_][^\u001b]*\u001b\\|[ -/]*[0-~])|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

const COLORS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;

/** How a terminal shows what follows. */
export interface TerminalStyle {
  readonly color?: string;
  readonly isBold?: boolean;
  readonly isFaint?: boolean;
  readonly isUnderlined?: boolean;
}

/** A piece of text in one style, and the classes of the style sheet for it. */
export interface TerminalRun {
  readonly text: string;
  readonly classes: string;
}

/** The text without the codes of terminals, as a terminal would leave it. */
export function plainText(text: string): string {
  return onScreen(text).replace(SEQUENCES, '');
}

/**
 * Splits a text into runs of one style, and drops codes that are no style. Returns the style at its end too, in which a
 * continuation begins. The log pane runs this code in the browser, so it has no imports.
 */
export function terminalRuns(
  text: string,
  start: TerminalStyle = {},
): { readonly runs: readonly TerminalRun[]; readonly style: TerminalStyle } {
  const runs: TerminalRun[] = [];
  let style = start;
  let from = 0;
  const shown = onScreen(text);
  const add = (piece: string) => {
    if (piece !== '') runs.push({ text: piece, classes: classesOf(style) });
  };
  for (const match of shown.matchAll(SEQUENCES)) {
    const [all, codes, end] = match;
    add(shown.slice(from, match.index));
    from = match.index + all.length;
    if (end === 'm') style = restyled(style, codes ?? '');
  }
  add(shown.slice(from));
  return { runs, style };
}

/** A progress bar rewrites its line after each carriage return; the last version stays. */
function onScreen(text: string): string {
  if (!text.includes('\r')) return text;
  return text
    .split('\n')
    .map((line) => line.replace(/\r+$/, ''))
    .map((line) => line.slice(line.lastIndexOf('\r') + 1))
    .join('\n');
}

function classesOf({ color, isBold, isFaint, isUnderlined }: TerminalStyle): string {
  return [
    color === undefined ? '' : `ansi-${color}`,
    isBold === true ? 'ansi-bold' : '',
    isFaint === true ? 'ansi-faint' : '',
    isUnderlined === true ? 'ansi-underlined' : '',
  ]
    .filter((name) => name !== '')
    .join(' ');
}

/** The style after a sequence of codes. Colors of 256 and of 24 bits have no class, so they keep the text's color. */
function restyled(style: TerminalStyle, codes: string): TerminalStyle {
  let next = style;
  const numbers = codes.split(/[;:]/).map(Number);
  for (let index = 0; index < numbers.length; index += 1) {
    const code = numbers[index] ?? 0;
    if (code === 38 || code === 48) {
      index += numbers[index + 1] === 5 ? 2 : 4;
      if (code === 38) next = { ...next, color: undefined };
    } else next = withCode(next, code);
  }
  return next;
}

function withCode(style: TerminalStyle, code: number): TerminalStyle {
  const color = COLORS[code >= 90 ? code - 90 : code - 30];
  if (color !== undefined && (code < 40 || code >= 90)) return { ...style, color };
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
      return { ...style, color: undefined };
    default:
      return style;
  }
}
