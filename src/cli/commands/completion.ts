import type { Command } from 'commander';

/** `completion`: prints a shell script that completes commands and options. */
export function completion(shell: string, program: Command): string {
  const commands = commandsIn(program, '');
  const name = program.name();
  switch (shell) {
    case 'fish':
      return commands.map((command) => fishLines(name, command)).join('');
    case 'zsh':
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(name, commands)}`;
    default:
      return bashScript(name, commands);
  }
}

interface Completed {
  /** The full name, such as `batches show`; empty for the program. */
  readonly name: string;
  readonly description: string;
  readonly options: readonly string[];
  /** The names of its own commands. */
  readonly commands: readonly string[];
}

/** The command and all commands below it. */
function commandsIn(command: Command, name: string): Completed[] {
  const options = command.options.flatMap(({ long, hidden }) => (hidden ? [] : (long ?? [])));
  const commands = command.commands.map((each) => each.name());
  const below = command.commands.flatMap((each) => commandsIn(each, `${name} ${each.name()}`.trim()));
  return [{ name, description: command.description(), options, commands }, ...below];
}

function bashScript(name: string, commands: readonly Completed[]): string {
  const identifier = `_${name.replaceAll('-', '_')}`;
  const named = commands.filter((command) => command.name !== '');
  const names = named.map((command) => `      "${command.name}") name="${command.name}" ;;`);
  const words = commands.map(
    (command) => `    "${command.name}") words="${[...command.commands, ...command.options].join(' ')}" ;;`,
  );
  // Options and their values before the command are no part of its name.
  return `${identifier}() {
  local name="" words="" word next
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${name:+$name }$word"
    case "$next" in
${names.join('\n')}
    esac
  done
  case "$name" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -o default -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F ${identifier} ${name}
`;
}

function fishLines(program: string, { name, description, options }: Completed): string {
  if (name === '') return '';
  const words = name.split(' ');
  const word = words.pop() ?? '';
  const said = description.replaceAll("'", "\\'");
  const command = `complete -c ${program} -n '${condition(words, word)}' -f -a ${word} -d '${said}'\n`;
  const flags = options.map(
    (option) => `complete -c ${program} -n '${condition([...words, word])}' -l ${option.slice(2)}\n`,
  );
  return [command, ...flags].join('');
}

/** True in fish when the line has these words, and not yet the next one. */
function condition(words: readonly string[], next?: string): string {
  if (words.length === 0) return '__fish_use_subcommand';
  const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
  return [...seen, ...(next === undefined ? [] : [`not __fish_seen_subcommand_from ${next}`])].join('; and ');
}
