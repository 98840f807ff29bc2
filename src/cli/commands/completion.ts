import type { Command } from 'commander';

/** `completion`: prints a shell script that completes commands and options. */
export function completion(shell: string, program: Command): string {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: command.options.flatMap(({ long }) => long ?? []),
  }));
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
  readonly name: string;
  readonly description: string;
  readonly options: readonly string[];
}

function bashScript(name: string, commands: readonly Completed[]): string {
  const cases = commands.map(
    ({ name: command, options }) => `    ${command}) words="${options.join(' ')}" ;;`,
  );
  const identifier = `_${name.replaceAll('-', '_')}`;
  return `${identifier}() {
  local words="${commands.map((command) => command.name).join(' ')}"
  if [ "$COMP_CWORD" -gt 1 ]; then
    case "\${COMP_WORDS[1]}" in
${cases.map((line) => `  ${line}`).join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -o default -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F ${identifier} ${name}
`;
}

function fishLines(name: string, { name: command, description, options }: Completed): string {
  const said = description.replaceAll("'", "\\'");
  const first = `complete -c ${name} -n __fish_use_subcommand -f -a ${command} -d '${said}'\n`;
  const rest = options.map(
    (option) => `complete -c ${name} -n '__fish_seen_subcommand_from ${command}' -l ${option.slice(2)}\n`,
  );
  return first + rest.join('');
}
