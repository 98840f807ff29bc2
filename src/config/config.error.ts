/** The service cannot start as it is configured. One line per problem; a line never holds a secret. */
export class InvalidConfig extends Error {
  constructor(
    readonly lines: readonly string[],
    options?: ErrorOptions,
  ) {
    super(lines.join('\n'), options);
    this.name = 'InvalidConfig';
  }
}
