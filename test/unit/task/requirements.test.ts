import fc from 'fast-check';
import { inOrder, labelsOf, signatureOf } from '../../../src/task/requirements.js';

const label = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._/-]{0,4}$/);
const value = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,4}$/);

describe('the order of labels', () => {
  it('is the one in which a signature names them, also when a label is the beginning of another', () => {
    const labels = { cpu: 'x', 'cpu-arch': 'arm', 'cpu.cores': '8' };
    expect(Object.keys(inOrder(labels))).toEqual(['cpu-arch', 'cpu.cores', 'cpu']);
    expect(JSON.stringify(labelsOf(signatureOf(labels)))).toBe(JSON.stringify(inOrder(labels)));
  });

  it('does not depend on the order in which a client names them', () => {
    fc.assert(
      fc.property(fc.dictionary(label, value, { maxKeys: 8 }), (labels) => {
        const reversed = Object.fromEntries(Object.entries(labels).toReversed());
        expect(JSON.stringify(inOrder(reversed))).toBe(JSON.stringify(inOrder(labels)));
        expect(inOrder(labels)).toEqual({ ...labels });
      }),
    );
  });
});
