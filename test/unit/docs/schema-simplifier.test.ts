import { simplify } from '../../../src/docs/schema-simplifier.js';

describe('simplify', () => {
  it('writes anything at all as the empty schema', () => {
    expect(simplify({ output: { description: 'x', anyOf: [{}] } })).toEqual({ output: { description: 'x' } });
  });

  it('puts what is said of a reference next to it', () => {
    expect(simplify({ description: 'x', allOf: [{ $ref: '#/a' }] })).toEqual({
      $ref: '#/a',
      description: 'x',
    });
  });

  it('leaves real choices and data alone', () => {
    const schema = { anyOf: [{ $ref: '#/a' }, { type: 'null' }], example: { anyOf: [{}] } };
    expect(simplify(schema)).toEqual(schema);
  });
});
