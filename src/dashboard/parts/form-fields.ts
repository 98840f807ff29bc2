import type { FieldProblem } from '../../http/problem.error.js';
import { type Html, html, type Part } from './html.js';

export interface FormField {
  readonly name: string;
  readonly title: string;
  readonly value: string;
  readonly unit?: string;
  readonly hint?: Part;
  /** A JSON pointer, by which problems name the field. */
  readonly pointer?: string;
  readonly isRequired?: boolean;
  /** Lines of text. */
  readonly rows?: number;
}

/** A labelled field; an invalid one shows the reason. */
export function formField(field: FormField, problems: readonly FieldProblem[] = []): Html {
  const { name, title, value, unit, hint, pointer = `/${name}`, rows } = field;
  const found = problems.find((one) => one.pointer === pointer || one.pointer.startsWith(`${pointer}/`));
  const isInvalid = found === undefined ? 'false' : 'true';
  const note = found?.detail ?? hint;
  return html`<div class="limit ${rows !== undefined && 'wide'}">
    <label for="field-${name}">${title}</label>
    <span class="measure">
      ${
        rows === undefined
          ? html`<input
              id="field-${name}"
              name="${name}"
              value="${value}"
              maxlength="2048"
              autocomplete="off"
              spellcheck="false"
              aria-invalid="${isInvalid}"
              aria-describedby="field-${name}-note"
            />`
          : html`<textarea
              id="field-${name}"
              name="${name}"
              rows="${rows}"
              spellcheck="false"
              aria-invalid="${isInvalid}"
              aria-describedby="field-${name}-note"
            >
${value}</textarea>`
      }
      ${unit !== undefined && html`<span class="unit">${unit}</span>`}
    </span>
    <p id="field-${name}-note" class="${found === undefined ? 'hint' : 'problem'}">${note}</p>
  </div>`;
}

/** Says that a form was refused, with the problems that belong to no field. */
export function refusal(problems: readonly FieldProblem[], detail?: string): Part {
  if (problems.length === 0 && detail === undefined) return undefined;
  return html`<p class="problem" role="alert">
    Nothing was changed. ${problems.length > 0 ? 'Correct the marked fields.' : `${detail ?? ''}.`}
  </p>`;
}
