import { TASK_FIELDS, textsOf } from '../../../src/dashboard/task-form.js';
import { planOf } from '../../../src/http/dto-plan.js';
import { CreateTaskDto } from '../../../src/queue/dto/create-task.dto.js';
import { spec, queuedTask } from '../../support/task.builders.js';

describe('the form of a task', () => {
  const names: readonly string[] = TASK_FIELDS.map(({ name }) => name);

  it('has every field of the API, and no other', () => {
    const { fieldsByName, opaqueNames } = planOf(CreateTaskDto);
    expect([...names].sort()).toEqual([...new Set([...fieldsByName.keys(), ...opaqueNames])].sort());
  });

  it('takes over every field of a task but those of one enqueue', () => {
    const full = spec({
      ...{
        id: 'eval-7',
        queue: 'gpu',
        group: 'g',
        batchId: 'b',
        requires: { gpu: 'a' },
        ttl: 60,
        deadline: 90,
      },
      callbackUrl: 'https://example.org/',
    });
    const texts = textsOf({ ...queuedTask(), spec: full, priority: 7 }, { code: 'x', metadata: '{}' });
    const empty = names.filter((name) => texts[name as keyof typeof texts] === '');
    expect(empty).toEqual(['delay', 'run_at', 'expires_at', 'deadline_at']);
    expect(texts).toMatchObject({ eval_id: 'eval-7.2', priority: '7', deadline: '90' });
  });
});
