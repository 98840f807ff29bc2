/** Renders templates with Go's text/template, which Helm uses: `[{ text, data }]` from stdin, the texts to stdout as JSON. */
import { text } from 'node:stream/consumers';
import { parse } from '@evertdespiegeleer/go-template';

const rendered = [];
for (const { text: template, data } of JSON.parse(await text(process.stdin)))
  rendered.push(await parse(template, data));
// The Go program would run on.
process.stdout.write(JSON.stringify(rendered), () => process.exit(0));
