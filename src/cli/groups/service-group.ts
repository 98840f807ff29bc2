import { Argument, type Command } from 'commander';
import { addExamples, addFormat, run } from '../declaration.js';

/** @param start loads the service and runs it */
export function addService(program: Command, start: () => Promise<unknown>): void {
  program.commandsGroup('Service and store:');
  const serve = program
    .command('serve')
    .description('run the service; environment variables are its settings')
    .action(async () => {
      await start();
    });
  addExamples(serve, '$0 serve', 'PORT=9000 DATA_DIR=/var/lib/queue API_KEY=secret $0 serve');

  const backup = program
    .command('backup <directory>')
    .description('copy the embedded store in DATA_DIR, also while the service runs')
    .action(
      run(async (context, directory: string) =>
        (await import('../commands/store.js')).backup(directory, context),
      ),
    );
  addExamples(addFormat(backup), 'DATA_DIR=/var/lib/queue $0 backup /backups/monday');

  const check = program
    .command('check [directory]')
    .description('check a backup for damage, or DATA_DIR while the service is stopped')
    .action(
      run(async (context, directory: string | undefined) =>
        (await import('../commands/store.js')).check(directory, context),
      ),
    );
  addExamples(addFormat(check), '$0 check /backups/monday', 'DATA_DIR=/var/lib/queue $0 check');

  const restore = program
    .command('restore <directory>')
    .description('restore a backup into an empty DATA_DIR while the service is stopped')
    .action(
      run(async (context, directory: string) =>
        (await import('../commands/store.js')).restore(directory, context),
      ),
    );
  addExamples(addFormat(restore), 'DATA_DIR=/var/lib/queue $0 restore /backups/monday');

  const compact = program
    .command('compact')
    .description('shrink the file in DATA_DIR to its contents while the service is stopped')
    .action(run(async (context) => (await import('../commands/store.js')).compact(context)));
  addExamples(addFormat(compact), 'DATA_DIR=/var/lib/queue $0 compact');

  const command = program
    .command('completion')
    .description('print a shell completion script')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: string) => {
      const { completion } = await import('../commands/completion.js');
      process.stdout.write(completion(shell, program));
    });
  addExamples(
    command,
    '$0 completion bash >> ~/.bashrc',
    '$0 completion fish > ~/.config/fish/completions/crucible-queue.fish',
  );
}
