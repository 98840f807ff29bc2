import type { Command } from 'commander';
import type { DeliveriesOptions } from '../commands/webhooks.js';
import { addUsage, run } from '../declaration.js';
import { list, natural } from '../parsers.js';

export function addWebhooks(program: Command): void {
  const webhooks = program.command('webhooks').description('list deliveries of webhooks, or send one again');
  addUsage(webhooks, '$0 webhooks', '$0 webhooks redeliver evt_4715_6b86b273_task');
  const all = webhooks
    .command('list', { isDefault: true })
    .alias('deliveries')
    .description('list deliveries, newest first')
    .option('--status <states>', 'only these states, separated by commas: pending, delivered, parked', list)
    .option('--task <id>', 'only deliveries of this task')
    .option('--limit <number>', 'at most this many', natural)
    .action(
      run(async (context, options: DeliveriesOptions) =>
        (await import('../commands/webhooks.js')).listDeliveries(options, context),
      ),
    );
  addUsage(all, '$0 webhooks', '$0 webhooks list --status parked --limit 20');
  const redeliver = webhooks
    .command('redeliver <ids...>')
    .description('send webhooks again, under the same webhook-id')
    .action(
      run(async (context, ids: string[]) =>
        (await import('../commands/webhooks.js')).redeliver(ids, context),
      ),
    );
  addUsage(redeliver, '$0 webhooks redeliver evt_4715_6b86b273_task');
}
