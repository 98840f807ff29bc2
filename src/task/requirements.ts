/** Values by label: what a task requires, or what a worker offers. */
export type Labels = Readonly<Record<string, string>>;

/** The labels that a task requires, as one text; empty for none. Tasks with equal requirements have equal texts. */
export type Signature = string;

/**
 * The text of what is required: `label=value` in the order of these pairs, with commas between. This is the one order of
 * labels: what is read from a client, kept by a store or compared is in it. (It is not the order of the labels alone:
 * `cpu-arch=…` is before `cpu=…`.)
 */
export function signatureOf(requires: Labels | undefined): Signature {
  return requires === undefined ? '' : pairsOf(requires).toSorted().join(',');
}

/** What a signature says. */
export function labelsOf(signature: Signature): Labels | undefined {
  if (signature === '') return undefined;
  return Object.fromEntries(signature.split(',').map((pair) => pair.split('=') as [string, string]));
}

/** The same labels in their one order. */
export function inOrder(labels: Labels): Labels {
  return labelsOf(signatureOf(labels)) ?? {};
}

/** What a worker offers, for many questions. */
export class Offer {
  /** `label=value` of each. */
  readonly pairs: ReadonlySet<string>;

  constructor(labels: Labels = {}) {
    this.pairs = new Set(pairsOf(labels));
  }

  /** Whether every label that is required is offered with this value. */
  satisfies(signature: Signature): boolean {
    return signature === '' || signature.split(',').every((pair) => this.pairs.has(pair));
  }
}

/** Labels and values that the service takes have no comma and no equals sign. */
export function pairsOf(labels: Labels): string[] {
  return Object.entries(labels).map(([label, value]) => `${label}=${value}`);
}
