const TRACEBACK = /^\s*(?:[+|] )?(?:Exception Group )?Traceback \(most recent call last\):\s*$/;
/** What Python draws before the lines of a group of exceptions. */
const GROUP_BARS = /^(?:\s*[|+])+(?:-[-+ \d]*)?\s?/;
const FRAME = /^\s+at \S/;
const NAMED_ERROR = /^(?:Uncaught )?(?:[\w$]+[.:])*[\w$]*(?:Error|Exception)\b/;
const RUST_PANIC = /^thread '.*' panicked at .*:$/;

/**
 * The line of an error that says what went wrong: of a Python traceback the line after the last frames, of a stack of
 * JavaScript or Java the line before the frames, else the first line that is not blank. Empty when there is none.
 */
export function summaryOf(error: string): string {
  const lines = error.split(/\r\n|[\r\n]/);
  return (pythonLine(lines) ?? stackLine(lines) ?? firstLine(lines)).trim();
}

function pythonLine(all: readonly string[]): string | undefined {
  const header = all.findLastIndex((line) => TRACEBACK.test(line));
  if (header < 0) return undefined;
  const isGroup = /^\s*[+|]/.test(all[header] ?? '');
  const lines = all.slice(header + 1).map((line) => (isGroup ? line.replace(GROUP_BARS, '') : line));
  // Frames are indented, and a message may have lines of its own after the first.
  const told = lines.find((line) => line.trim() !== '' && !/^\s/.test(line));
  // It was cut within the frames: where it happened says more than the header.
  return told ?? lines.findLast((line) => line.trim() !== '');
}

function stackLine(lines: readonly string[]): string | undefined {
  const frame = lines.findIndex((line) => FRAME.test(line));
  if (frame < 1) return undefined;
  // Node shows the source before the error.
  return lines.slice(0, frame).findLast((line) => NAMED_ERROR.test(line));
}

function firstLine(lines: readonly string[]): string {
  const [first = '', second = ''] = lines.filter((line) => line.trim() !== '');
  return RUST_PANIC.test(first) && second !== '' ? second : first;
}
