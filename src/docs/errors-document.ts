import { PROBLEM_GUIDE } from '../http/problem-guide.js';
import { type ProblemCode, PROBLEMS } from '../http/problems.js';

/** The table in `docs/errors.md`: every code, its cause and its remedy. */
export function errorsTable(): string {
  const codes = Object.keys(PROBLEMS) as ProblemCode[];
  const rows = codes.map((code) => {
    const { when, remedy } = PROBLEM_GUIDE[code];
    return [String(PROBLEMS[code].status), `\`${code}\``, when, remedy];
  });
  return [['status', '`code`', 'when', 'what to do'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('');
}
