/** Writes the types of the TypeScript client, `src/client/api.generated.ts`, from `docs/openapi.json`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './lib/workspace.mjs';

const HEADER = '// Generated from docs/openapi.json by `npm run docs`: what the service takes and answers.\n';

const { components } = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8'));
const types = Object.entries(components.schemas).map(declaration);
writeFileSync(join(ROOT, 'src/client/api.generated.ts'), `${HEADER}\n${types.join('\n')}`);

function declaration([name, schema]) {
  const isObject = schema.type === 'object' && schema.properties;
  if (!isObject) return `${comment(schema, '')}export type ${name} = ${typeOf(schema)};\n`;
  return `${comment(schema, '')}export interface ${name} ${members(schema, '')}\n`;
}

function members({ properties, required = [], additionalProperties }, indent) {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(([name, schema]) => {
    const mark = required.includes(name) ? '' : '?';
    const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
    return `${comment(schema, inner)}${inner}readonly ${key}${mark}: ${typeOf(schema, inner)};\n`;
  });
  if (additionalProperties) lines.push(`${inner}readonly [name: string]: unknown;\n`);
  return `{\n${lines.join('')}${indent}}`;
}

function comment({ description }, indent) {
  return description === undefined ? '' : `${indent}/** ${description.replaceAll('*/', '* /')} */\n`;
}

function typeOf(schema, indent = '') {
  const { $ref, enum: values, oneOf, anyOf, allOf, type, items } = schema;
  if ($ref) return $ref.split('/').at(-1);
  if (values) return values.map((value) => quoted(value)).join(' | ');
  if (oneOf ?? anyOf) return union((oneOf ?? anyOf).map((one) => typeOf(one, indent)));
  if (allOf) return allOf.map((one) => typeOf(one, indent)).join(' & ');
  if (Array.isArray(type)) return union(type.map((one) => typeOf({ ...schema, type: one }, indent)));
  if (type === 'array') return arrayOf(typeOf(items ?? {}, indent));
  if (type === 'object') return objectOf(schema, indent);
  return (
    { integer: 'number', number: 'number', string: 'string', boolean: 'boolean', null: 'null' }[type] ??
    'unknown'
  );
}

function objectOf(schema, indent) {
  if (schema.properties) return members(schema, indent);
  const values =
    typeof schema.additionalProperties === 'object' ? typeOf(schema.additionalProperties, indent) : 'unknown';
  return `Readonly<Record<string, ${values}>>`;
}

function arrayOf(item) {
  return item.includes(' | ') || item.includes(' & ') ? `readonly (${item})[]` : `readonly ${item}[]`;
}

function union(types) {
  const each = [...new Set(types)];
  return each.includes('unknown') ? 'unknown' : each.join(' | ');
}

function quoted(value) {
  return typeof value === 'string' ? `'${value.replaceAll("'", "\\'")}'` : String(value);
}
