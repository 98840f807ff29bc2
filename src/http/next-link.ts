/** The `Link` header (RFC 8288) for the next page. It keeps the other query parameters. */
export function nextLink(target: string, cursor: string): string {
  const [path = '', query = ''] = target.split('?');
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursor);
  return `<${path}?${parameters.toString()}>; rel="next"`;
}
