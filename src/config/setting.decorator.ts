import 'reflect-metadata';

export type SettingUnit = 'seconds' | 'bytes';

export interface SettingDescription {
  /** The description, in full sentences. */
  readonly does: string;
  readonly unit?: SettingUnit;
  /** Rarely changed: listed in the second part of `docs/configuration.md`. */
  readonly isAdvanced?: boolean;
  /** The next version fixes it at its default. The service logs a warning at startup if it is set. */
  readonly isDeprecated?: boolean;
  /** The value is never logged or shown. */
  readonly isSecret?: boolean;
  /** An empty variable means the empty text; for other settings it means the default. */
  readonly takesEmpty?: boolean;
  /** The allowed values, for settings whose validators cannot describe them. */
  readonly allowed?: string;
  /** The default in words, for a default computed at startup. */
  readonly byDefault?: string;
}

export interface Setting extends SettingDescription {
  /** The name of the environment variable and of the property. */
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
 * The value of an environment variable. Invalid text is returned unchanged so that the validators refuse it; `Number`
 * would accept `0x10`, `1e3` and spaces.
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
