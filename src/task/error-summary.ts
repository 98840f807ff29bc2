/** Before the last line of an error that was cut: the line that says what went wrong. */
export const CUT_MARK = '  …';

/** Characters of a line that are looked at: patterns may take longer than a line is long. */
const LOOKED_AT = 500;

const TRACEBACK = /^\s*(?:[+|] )?(?:Exception Group )?Traceback \(most recent call last\):\s*$/;
/** What Python draws before the lines of a group of exceptions. */
const GROUP_BARS = /^(?:\s*[|+])+(?:-[-+ \d]*)?\s?/;
const PYTHON_FRAME = /^ {2}File ".*", line \d+(?:, in .*)?$/;
/** IPython names the exception before the frames, and tells it after them. */
const IPYTHON = /^(\w[\w.]*)\s+Traceback \(most recent call last\)\s*$/;

/** JavaScript, Java, .NET. */
const FRAME = /^\s+at \S/;
const NAMED_ERROR = /^(?:Uncaught )?(?:[\w$]+[.:])*[\w$]*(?:Error|Exception)\b/;
const UNCAUGHT = /^(?:Exception in thread ".*" |Unhandled exception\. )/;
/** Node shows where in the source, then the error. */
const SOURCE_PLACE = /^\S.*:\d+$/;
const SOURCE_MARK = /^\s*\^+\s*$/;
const NODE_CAUSE = /^\s*\[cause\]: (\[?(?:[\w$]+[.:])*[\w$]*(?:Error|Exception)\b.*|['"].*)/;
const JAVA_CAUSE = /^Caused by: (.+)/;
const DOTNET_CAUSE = /^ ---> (.+)/;

const RUST_PANIC = /^thread '.*' (?:\(\d+\) )?panicked at .*:$/;
const GO_PANIC = /^(?:panic|fatal error): /;
const GOROUTINE = /^goroutine \d+ .*\[.*\]:$/;
const RUBY_ERROR = /^\S+:\d+:in [`'].*': \S/;
const CPP_TERMINATE = 'terminate called after throwing ';
const CPP_WHAT = /^\s*what\(\): /;
/** A shell names its script and the line. */
const SHELL = /^(?:\S+: line \d+|(?:\S*\/)?(?:(?:ba|da|k|z)?sh|\S+\.sh):(?: line)? ?\d+): \S/;
/** What `set -x` prints. */
const SHELL_TRACE = /^\++ /;
/** What compilers and command-line tools write before an error. */
const LABELLED = /(?:^|[\s:])(?:fatal|error|fatal error)(?:\[\w+\])?: /i;

type Lines = readonly string[];

const FINDERS: readonly ((lines: Lines) => string | undefined)[] = [
  keptLine,
  pythonLine,
  ipythonLine,
  causeLine,
  stackLine,
  goLine,
  rustLine,
  rubyLine,
  cppLine,
  shellLine,
  (lines) => lines.find((line) => LABELLED.test(line)),
  (lines) => lines.find(isTold),
  (lines) => lines.find((line) => line.trim() !== ''),
];

/**
 * The line of an error that says what went wrong, of what common runtimes, shells and tools print: the exception instead of
 * its frames, and the innermost cause where causes are told after it. Otherwise the first line with a letter or a digit.
 * At most 500 characters; empty when there is none.
 */
export function summaryOf(error: string): string {
  const lines = error.split(/\r\n|[\r\n]/).map((line) => line.slice(0, LOOKED_AT));
  for (const find of FINDERS) {
    const line = find(lines);
    if (line !== undefined) return line.trim();
  }
  return '';
}

function keptLine(lines: Lines): string | undefined {
  return lines.at(-2) === CUT_MARK ? lines.at(-1) : undefined;
}

function pythonLine(all: Lines): string | undefined {
  const header = all.findLastIndex((line) => TRACEBACK.test(line));
  // An error of syntax has no header, and neither has a long one of which a worker sent the end alone.
  const start = header < 0 ? all.findLastIndex((line) => PYTHON_FRAME.test(line)) : header;
  if (start < 0) return undefined;
  const isGroup = /^\s*[+|]/.test(all[start] ?? '');
  const lines = all.slice(start + 1).map((line) => (isGroup ? line.replace(GROUP_BARS, '') : line));
  // Frames are indented, and a message may have lines of its own after the first.
  const told = lines.find((line) => line.trim() !== '' && !/^\s/.test(line));
  // It was cut within the frames: where it happened says more than the header.
  return told ?? lines.findLast((line) => line.trim() !== '');
}

function ipythonLine(lines: Lines): string | undefined {
  const name = lines.flatMap((line) => IPYTHON.exec(line)?.[1] ?? []).at(-1);
  return name === undefined
    ? undefined
    : lines.findLast((line) => line === name || line.startsWith(`${name}:`));
}

/** Without frames, what looks like a cause is part of the message. */
function causeLine(lines: Lines): string | undefined {
  const frame = lines.findIndex((line) => FRAME.test(line));
  if (frame < 0) return undefined;
  // .NET tells causes before the first frame; what it tells later are those of other branches.
  return (
    lastMatch(lines, NODE_CAUSE) ??
    lastMatch(lines, JAVA_CAUSE) ??
    lastMatch(lines.slice(0, frame), DOTNET_CAUSE)
  );
}

function lastMatch(lines: Lines, pattern: RegExp): string | undefined {
  return lines.flatMap((line) => pattern.exec(line)?.[1] ?? []).at(-1);
}

function stackLine(lines: Lines): string | undefined {
  const frame = lines.findIndex((line) => FRAME.test(line));
  const before = lines.slice(0, Math.max(frame, 0)).map((line) => line.replace(UNCAUGHT, ''));
  return before.findLast((line) => NAMED_ERROR.test(line)) ?? markedLine(lines);
}

/** What Node tells after the source when no error was thrown, or one with a name of its own. */
function markedLine(lines: Lines): string | undefined {
  const mark = lines.findIndex(
    (line, index) => SOURCE_MARK.test(line) && SOURCE_PLACE.test(lines[index - 2] ?? ''),
  );
  return mark < 0 ? undefined : lines.slice(mark + 1).find(isTold);
}

function goLine(lines: Lines): string | undefined {
  const goroutine = lines.findIndex((line) => GOROUTINE.test(line));
  return lines.slice(0, Math.max(goroutine, 0)).find((line) => GO_PANIC.test(line));
}

function rustLine(lines: Lines): string | undefined {
  // The first panic: later ones follow from it.
  const panic = lines.findIndex((line) => RUST_PANIC.test(line));
  if (panic >= 0) return lines.slice(panic + 1).find(isTold);
  // Of the crate anyhow. Each cause is indented, and numbered when there are several.
  const after = lines.slice(lines.lastIndexOf('Caused by:') + 1);
  if (after.length === lines.length) return undefined;
  const end = after.findIndex((line) => !/^\s+\S/.test(line));
  return after.at(end < 0 ? -1 : end - 1)?.replace(/^\s*(?:\d+: )?/, '');
}

/** Ruby tells causes after the error. */
function rubyLine(lines: Lines): string | undefined {
  return lines.findLast((line) => RUBY_ERROR.test(line));
}

function cppLine(lines: Lines): string | undefined {
  const terminate = lines.findIndex((line) => line.startsWith(CPP_TERMINATE));
  if (terminate < 0) return undefined;
  return lines.slice(terminate).find((line) => CPP_WHAT.test(line)) ?? lines[terminate];
}

/** A script goes on after many errors: the last line tells what ended it. */
function shellLine(lines: Lines): string | undefined {
  const isTraced = lines
    .filter(isTold)
    .slice(0, 2)
    .some((line) => SHELL_TRACE.test(line));
  if (!isTraced && !lines.some((line) => SHELL.test(line))) return undefined;
  return lines.findLast((line) => isTold(line) && !SHELL_TRACE.test(line));
}

/** A rule of dashes tells nothing. */
function isTold(line: string): boolean {
  return /[\p{L}\p{N}]/u.test(line);
}
