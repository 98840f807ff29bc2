import 'reflect-metadata';

export type SettingUnit = 'seconds' | 'bytes';

export interface SettingDescription {
  /** What it does, in full sentences. */
  readonly does: string;
  readonly unit?: SettingUnit;
  /** Rarely changed: listed in the second part of the document. */
  readonly isAdvanced?: boolean;
  /** The next version fixes it at its default. A service that is given one logs a warning at startup. */
  readonly isDeprecated?: boolean;
  /** Its value is never shown. */
  readonly isSecret?: boolean;
  /** Set to nothing it has the empty text as its value; any other setting then has its default. */
  readonly takesEmpty?: boolean;
  /** What may be given, for a setting whose validators cannot say it. */
  readonly allowed?: string;
  /** The default in words, for one that is decided at the start. */
  readonly byDefault?: string;
}

export interface Setting extends SettingDescription {
  /** The environment variable and the property. */
  readonly name: string;
  readonly type: 'number' | 'boolean' | 'text';
}

const SETTINGS = Symbol('settings');

/** Makes a property a setting that is read from the environment variable of the same name. */
export function FromEnvironment(description: SettingDescription): PropertyDecorator {
  return (target, property) => {
    const name = String(property);
    const setting: Setting = { ...description, name, type: typeOf(target, name) };
    Reflect.defineMetadata(SETTINGS, [...settingsOf(target), setting], target);
  };
}

/** The settings of a class, by its prototype, in the order of their declaration. */
export function settingsOf(prototype: object): readonly Setting[] {
  const settings: unknown = Reflect.getMetadata(SETTINGS, prototype);
  return Array.isArray(settings) ? (settings as Setting[]) : [];
}

/**
 * The value that the text of a variable stands for. A text that stands for none stays as it is, so that the validators
 * refuse it: `Number` would read `0x10`, `1e3` and blanks.
 */
export function valueOf(setting: Setting, text: string): string | number | boolean {
  switch (setting.type) {
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case 'boolean':
      return text === 'true' || text === 'false' ? text === 'true' : text;
    case 'text':
      return text;
  }
}

function typeOf(target: object, property: string): Setting['type'] {
  const type: unknown = Reflect.getMetadata('design:type', target, property);
  if (type === Number) return 'number';
  return type === Boolean ? 'boolean' : 'text';
}
