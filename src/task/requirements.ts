/** Label values by name: the requirements of a task, or the labels of a worker. */
export type Labels = Readonly<Record<string, string>>;

/** A task's requirements as one text; empty for none. Equal requirements have equal signatures. */
export type Signature = string;

/**
 * Builds the signature: `label=value` pairs, sorted and joined with commas. Clients, stores and comparisons all use
 * this order. It differs from the order of the label names alone: `cpu-arch=…` sorts before `cpu=…`.
 */
export function signatureOf(requires: Labels | undefined): Signature {
  return requires === undefined ? '' : pairsOf(requires).toSorted().join(',');
}

/** Parses a signature. */
export function labelsOf(signature: Signature): Labels | undefined {
  if (signature === '') return undefined;
  return Object.fromEntries(signature.split(',').map((pair) => pair.split('=') as [string, string]));
}

/** The same labels in signature order. */
export function inOrder(labels: Labels): Labels {
  return labelsOf(signatureOf(labels)) ?? {};
}

/** A worker's labels, prepared for repeated matching. */
export class Offer {
  /** One `label=value` pair per label. */
  readonly pairs: ReadonlySet<string>;

  constructor(labels: Labels = {}) {
    this.pairs = new Set(pairsOf(labels));
  }

  /** Whether the worker has every required label with the required value. */
  satisfies(signature: Signature): boolean {
    return signature === '' || signature.split(',').every((pair) => this.pairs.has(pair));
  }
}

/** The service rejects labels and values that contain a comma or an equals sign. */
export function pairsOf(labels: Labels): string[] {
  return Object.entries(labels).map(([label, value]) => `${label}=${value}`);
}
