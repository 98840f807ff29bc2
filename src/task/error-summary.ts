/** Separates a cut error from its summary line. */
export const CUT_MARK = '  …';

/** Longest part of a line that the patterns read, in characters. Some pattern matches take longer than linear time. */
const LOOKED_AT = 500;

const TRACEBACK = /^\s*(?:[+|] )?(?:Exception Group )?Traceback \(most recent call last\):\s*$/;
/** The bars that Python prints before the lines of an exception group. */
const GROUP_BARS = /^(?:\s*[|+])+(?:-[-+ \d]*)?\s?/;
const PYTHON_FRAME = /^ {2}File ".*", line \d+(?:, in .*)?$/;
/** IPython names the exception before the frames and prints its message after them. */
const IPYTHON = /^(\w[\w.]*)\s+Traceback \(most recent call last\)\s*$/;

/** JavaScript, Java, .NET. */
const FRAME = /^\s+at \S/;
const NAMED_ERROR = /^(?:Uncaught )?(?:[\w$]+[.:])*[\w$]*(?:Error|Exception)\b/;
const UNCAUGHT = /^(?:Exception in thread ".*" |Unhandled exception\. )/;
/** Node prints the source position first, then the error. */
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
/** A shell prefixes its errors with the script and the line. */
const SHELL = /^(?:\S+: line \d+|(?:\S*\/)?(?:(?:ba|da|k|z)?sh|\S+\.sh):(?: line)? ?\d+): \S/;
/** Trace output of `set -x`. */
const SHELL_TRACE = /^\++ /;
/** Error prefix of compilers and command-line tools. */
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
  (lines) => lines.find(isInformative),
  (lines) => lines.find((line) => line.trim() !== ''),
];

/**
 * The summary line of an error: the exception instead of its frames, and the innermost cause where the runtime prints
 * causes last.
 *
 * Knows the formats of common runtimes, shells and tools. Other errors give their first line with a letter or a digit.
 * At most 500 characters; empty when no line qualifies.
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
  // Syntax errors have no header. Neither has a long traceback of which the worker sent only the end.
  const start = header < 0 ? all.findLastIndex((line) => PYTHON_FRAME.test(line)) : header;
  if (start < 0) return undefined;
  const isGroup = /^\s*[+|]/.test(all[start] ?? '');
  const lines = all.slice(start + 1).map((line) => (isGroup ? line.replace(GROUP_BARS, '') : line));
  // Frames are indented. A message may span several lines after the first.
  const told = lines.find((line) => line.trim() !== '' && !/^\s/.test(line));
  // The text was cut within the frames. The last frame says more than the header.
  return told ?? lines.findLast((line) => line.trim() !== '');
}

function ipythonLine(lines: Lines): string | undefined {
  const name = lines.flatMap((line) => IPYTHON.exec(line)?.[1] ?? []).at(-1);
  return name === undefined
    ? undefined
    : lines.findLast((line) => line === name || line.startsWith(`${name}:`));
}

/** Without frames, a line that looks like a cause belongs to the message. */
function causeLine(lines: Lines): string | undefined {
  const frame = lines.findIndex((line) => FRAME.test(line));
  if (frame < 0) return undefined;
  // .NET prints causes before the first frame. Later causes belong to other branches.
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

/** The error line that Node prints after the source line, when the thrown value is no Error or has its own name. */
function markedLine(lines: Lines): string | undefined {
  const mark = lines.findIndex(
    (line, index) => SOURCE_MARK.test(line) && SOURCE_PLACE.test(lines[index - 2] ?? ''),
  );
  return mark < 0 ? undefined : lines.slice(mark + 1).find(isInformative);
}

function goLine(lines: Lines): string | undefined {
  const goroutine = lines.findIndex((line) => GOROUTINE.test(line));
  return lines.slice(0, Math.max(goroutine, 0)).find((line) => GO_PANIC.test(line));
}

function rustLine(lines: Lines): string | undefined {
  // Later panics follow from the first.
  const panic = lines.findIndex((line) => RUST_PANIC.test(line));
  if (panic >= 0) return lines.slice(panic + 1).find(isInformative);
  // The format of the crate anyhow: causes are indented, and numbered when there are several.
  const after = lines.slice(lines.lastIndexOf('Caused by:') + 1);
  if (after.length === lines.length) return undefined;
  const end = after.findIndex((line) => !/^\s+\S/.test(line));
  return after.at(end < 0 ? -1 : end - 1)?.replace(/^\s*(?:\d+: )?/, '');
}

/** Ruby prints causes after the error. */
function rubyLine(lines: Lines): string | undefined {
  return lines.findLast((line) => RUBY_ERROR.test(line));
}

function cppLine(lines: Lines): string | undefined {
  const terminate = lines.findIndex((line) => line.startsWith(CPP_TERMINATE));
  if (terminate < 0) return undefined;
  return lines.slice(terminate).find((line) => CPP_WHAT.test(line)) ?? lines[terminate];
}

/** A script continues after many errors. The last line names the one that ended it. */
function shellLine(lines: Lines): string | undefined {
  const isTraced = lines
    .filter(isInformative)
    .slice(0, 2)
    .some((line) => SHELL_TRACE.test(line));
  if (!isTraced && !lines.some((line) => SHELL.test(line))) return undefined;
  return lines.findLast((line) => isInformative(line) && !SHELL_TRACE.test(line));
}

/** False for separator lines, such as a row of dashes. */
function isInformative(line: string): boolean {
  return /[\p{L}\p{N}]/u.test(line);
}
