import type { Offer, Signature } from '../../task/requirements.js';
import type { RankedSet } from './ranked-set.js';

/** The lanes of one signature that take turns, keyed by turn. */
export interface Ring<Lane> {
  readonly signature: Signature;
  readonly turns: RankedSet;
  readonly lanes: Map<number, Lane>;
  /** Number of lanes with this signature, including those out of the ring. */
  size: number;
}

/** A node of the tree, reached by the pairs of its path. */
interface Node<Lane> {
  readonly parent: Node<Lane> | undefined;
  readonly pair: string;
  readonly next: Map<string, Node<Lane>>;
  ring: Ring<Lane> | undefined;
}

/**
 * The rings of a level by requirements, as a tree whose steps are the `label=value` pairs of a signature. A worker's
 * labels lead directly to the rings that they satisfy, whatever the number of other rings.
 */
export class RequirementRings<Lane> {
  private readonly root: Node<Lane> = { parent: undefined, pair: '', next: new Map(), ring: undefined };
  private count = 0;

  /** Number of rings. */
  get size(): number {
    return this.count;
  }

  /** The ring of this signature, created when missing. */
  ringOf(signature: Signature, turns: () => RankedSet): Ring<Lane> {
    let node = this.root;
    for (const pair of pairsIn(signature)) {
      let next = node.next.get(pair);
      if (next === undefined) {
        next = { parent: node, pair, next: new Map(), ring: undefined };
        node.next.set(pair, next);
      }
      node = next;
    }
    if (node.ring === undefined) {
      node.ring = { signature, turns: turns(), lanes: new Map(), size: 0 };
      this.count += 1;
    }
    return node.ring;
  }

  remove(signature: Signature): void {
    let node: Node<Lane> | undefined = this.root;
    for (const pair of pairsIn(signature)) node = node?.next.get(pair);
    if (node?.ring === undefined) return;
    node.ring = undefined;
    this.count -= 1;
    while (node.parent !== undefined && node.ring === undefined && node.next.size === 0) {
      node.parent.next.delete(node.pair);
      node = node.parent;
    }
  }

  /** The rings whose requirements this offer satisfies. */
  satisfiedBy(offer: Offer): Ring<Lane>[] {
    const found: Ring<Lane>[] = [];
    this.collect(this.root, offer, found);
    return found;
  }

  private collect(node: Node<Lane>, offer: Offer, found: Ring<Lane>[]): void {
    if (node.ring !== undefined) found.push(node.ring);
    if (node.next.size === 0) return;
    if (node.next.size < offer.pairs.size) {
      for (const [pair, next] of node.next) if (offer.pairs.has(pair)) this.collect(next, offer, found);
      return;
    }
    for (const pair of offer.pairs) {
      const next = node.next.get(pair);
      if (next !== undefined) this.collect(next, offer, found);
    }
  }
}

function pairsIn(signature: Signature): readonly string[] {
  return signature === '' ? [] : signature.split(',');
}
