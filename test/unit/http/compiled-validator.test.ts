import 'reflect-metadata';
import { plainToInstance, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsEmail,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
  validateSync,
} from 'class-validator';
import fc from 'fast-check';
import { compiledCheck, VALIDATOR_OPTIONS } from '../../../src/http/compiled-validator.js';
import { readValues } from '../../../src/http/dto-reader.js';
import { planOf } from '../../../src/http/dto-plan.js';
import { ProblemError } from '../../../src/http/problem.error.js';

class Part {
  @IsIn(['a', 'b', 1])
  readonly kind!: unknown;

  @IsOptional()
  @IsInt()
  readonly count: number = 1;
}

class Base {
  @IsOptional()
  @IsBoolean()
  readonly flag?: boolean;
}

class Everything extends Base {
  @IsString()
  @MinLength(1)
  @MaxLength(4)
  readonly name!: string;

  @IsInt()
  @Min(-2)
  @Max(2)
  readonly whole!: number;

  @IsOptional()
  @IsNumber()
  @Min(0)
  readonly any?: number;

  @IsOptional()
  @Matches(/^[a-c]+$/)
  readonly pattern?: string;

  @IsOptional()
  @Matches(/a/g)
  readonly sticky?: string;

  @IsOptional()
  @IsISO8601({ strict: true })
  readonly when?: string;

  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(2)
  @IsString({ each: true })
  readonly list?: readonly string[];

  @IsOptional()
  @ValidateNested()
  @Type(() => Part)
  readonly part?: Part;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(3)
  @ValidateNested({ each: true })
  @Type(() => Part)
  readonly parts?: readonly Part[];
}

class Foreign {
  @IsEmail()
  readonly mail!: string;
}

class Outer {
  @ValidateNested()
  @Type(() => Foreign)
  readonly inner!: Foreign;
}

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    undefined,
    '',
    'a',
    'abc',
    '1',
    1,
    -3,
    0.5,
    NaN,
    Infinity,
    true,
    false,
    {},
    [],
  ),
  fc.constantFrom<unknown>(
    '2024-02-30',
    '2024-02-29T00:00:00Z',
    '😀😀😀😀',
    '❤️❤️❤️❤️',
    '\ufe0f\ufe0f',
    'abcde',
    [1],
    ['a'],
  ),
  fc.constantFrom<unknown>(['a', 'b', 'c'], [{}], [[]], 'null', '\ud800'),
  fc.string({ maxLength: 6 }),
  fc.integer({ min: -4, max: 4 }),
);
const part = fc.oneof(odd, fc.record({ kind: odd, count: odd }, { requiredKeys: [] }));
const anything = fc.record(
  {
    flag: odd,
    name: fc.oneof(odd, fc.constant('ab')),
    whole: fc.oneof(odd, fc.constant(1)),
    any: odd,
    pattern: odd,
    sticky: odd,
    when: odd,
    list: odd,
    part,
    parts: fc.oneof(odd, fc.array(part, { maxLength: 4 })),
  },
  { requiredKeys: ['name', 'whole'] },
);
const mostlyGood = fc.record(
  {
    flag: fc.boolean(),
    name: fc.constantFrom('a', 'abcd', '😀😀😀😀', '❤️❤️❤️❤️'),
    whole: fc.integer({ min: -2, max: 2 }),
    any: fc.double({ min: 0, noNaN: true }),
    pattern: fc.constantFrom('abc', 'd'),
    sticky: fc.constant('a'),
    when: fc.constantFrom('2024-02-29T00:00:00Z', '2024-01-01'),
    list: fc.array(fc.string(), { maxLength: 3 }),
    part: fc.record({ kind: fc.constantFrom('a', 1, 'c') }),
    parts: fc.array(fc.record({ kind: fc.constant('b'), count: fc.constantFrom(1, 2, 'x') }), {
      maxLength: 4,
    }),
  },
  { requiredKeys: ['name', 'whole'] },
);

describe('compiledCheck', () => {
  it('says what class-validator says', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(anything, mostlyGood), (plain) => {
        const instance = plainToInstance(Everything, plain);
        const expected = validateSync(instance, VALIDATOR_OPTIONS).length === 0;
        if (expected) accepted++;
        expect(compiledCheck(Everything).accepts(instance)).toBe(expected);
      }),
      { numRuns: 3_000 },
    );
    expect(compiledCheck(Everything).isCompiled).toBe(true);
    expect(accepted).toBeGreaterThan(50);
  });

  it('leaves a DTO with a validator it does not know to class-validator', () => {
    expect(compiledCheck(Foreign).isCompiled).toBe(false);
    expect(compiledCheck(Foreign).accepts(plainToInstance(Foreign, { mail: 'a@b.example' }))).toBe(true);
    expect(compiledCheck(Foreign).accepts(plainToInstance(Foreign, { mail: 'a' }))).toBe(false);
    expect(compiledCheck(Outer).accepts(plainToInstance(Outer, { inner: { mail: 'a@b.example' } }))).toBe(
      true,
    );
    expect(compiledCheck(Outer).accepts(plainToInstance(Outer, { inner: { mail: 'a' } }))).toBe(false);
  });
});

describe('reading values into a DTO', () => {
  const plan = planOf(Everything);
  const faults = (values: Record<string, unknown>) => {
    try {
      readValues(plan, values);
      return [];
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      return error.extras.errors?.map(({ pointer }) => pointer);
    }
  };

  it('never throws anything but a problem, and accepts nothing that class-validator refuses', () => {
    fc.assert(
      fc.property(fc.oneof(anything, mostlyGood), (plain) => {
        const found = faults(plain);
        if (found?.length === 0) {
          expect(validateSync(readValues(plan, plain), VALIDATOR_OPTIONS)).toEqual([]);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps declared fields only, applies defaults and takes null for absent', () => {
    const values = { name: 'a', whole: 1, part: { kind: 'a', count: null, x: 1 }, any: null, other: 1 };
    const read = readValues(plan, values);
    expect(read).toBeInstanceOf(Everything);
    expect(read.part).toBeInstanceOf(Part);
    expect(JSON.parse(JSON.stringify(read))).toEqual({
      name: 'a',
      whole: 1,
      part: { kind: 'a', count: 1 },
    });
  });

  it('names what is missing and where it is wrong', () => {
    expect(faults({})).toEqual(expect.arrayContaining(['name', 'whole']));
    const parts = [{ kind: 'a' }, { kind: 'z' }, 3];
    expect(faults({ name: 'a', whole: 1, parts })?.sort()).toEqual(['parts/1/kind', 'parts/2']);
  });

  it('refuses lists where none is meant, long lists and long strings before looking closer', () => {
    expect(faults({ name: 'a', whole: 1, part: [] })).toEqual(['part']);
    expect(faults({ name: ['a'], whole: 1 })).toEqual(['name']);
    expect(faults({ name: 'a'.repeat(1_000_000), whole: 1 })).toEqual(['name']);
    expect(faults({ name: 'a', whole: 1, list: new Array(1_000_000).fill('') })).toEqual(['list']);
    expect(faults({ name: 'a', whole: 1, parts: [[{ constructor: null }]] })).toEqual(['parts/0']);
  });

  it('tells at most twenty faults', () => {
    class Many {
      @IsOptional()
      @IsArray()
      @ValidateNested({ each: true })
      @Type(() => Part)
      readonly parts?: readonly Part[];
    }
    const values = { parts: new Array<unknown>(1_000).fill({}) };
    let errors: unknown;
    try {
      readValues(planOf(Many), values);
    } catch (error) {
      errors = (error as ProblemError).extras.errors;
    }
    expect(errors).toHaveLength(20);
  });
});
