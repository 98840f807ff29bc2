import { IsEmail } from 'class-validator';
import '../../../src/app.module.js';
import { declaredDtos, requireCompiledDtos } from '../../../src/http/declared-dtos.js';
import { compiledCheck } from '../../../src/http/compiled-validator.js';
import { planOf } from '../../../src/http/dto-plan.js';
import { BackoffDto, CreateTaskDto } from '../../../src/queue/dto/create-task.dto.js';
import { ClearQuery, ListQuery, NextQuery, TaskQueryDto } from '../../../src/queue/dto/query.dto.js';
import { BatchDto, CancelDto, RedriveDto } from '../../../src/queue/dto/steering.dto.js';
import * as work from '../../../src/queue/dto/work.dto.js';

const OTHERS = [
  BackoffDto,
  CreateTaskDto,
  ClearQuery,
  ListQuery,
  NextQuery,
  TaskQueryDto,
  BatchDto,
  CancelDto,
  RedriveDto,
];

describe('the DTOs of tasks', () => {
  // A rule that is not compiled is no fault, only slow: class-validator then checks every request.
  it.each([...OTHERS, ...Object.values(work)].map((dto) => [dto.name, dto] as const))(
    'have each rule of %s compiled',
    (_name, dto) => {
      expect(planOf<object>(dto).fields.length).toBeGreaterThan(0);
      expect(compiledCheck(dto).isCompiled).toBe(true);
    },
  );
});

class SlowDto {
  @IsEmail()
  readonly address: string = '';
}

describe('the DTOs of the service', () => {
  it('are known, with those within them', () => {
    const names = [...declaredDtos()].map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['CreateTaskDto', 'BackoffDto', 'NextQuery', 'CompleteDto']),
    );
  });

  it('are all compiled, or the service does not start', () => {
    expect(() => requireCompiledDtos()).not.toThrow();
    expect(() => requireCompiledDtos([CreateTaskDto, SlowDto])).toThrow(
      'The checks of SlowDto cannot be compiled',
    );
  });
});
