/** The `Link` header of RFC 8288 that leads to the next page. The other parameters stay as they are. */
export function nextLink(target: string, cursor: string): string {
  const [path = '', query = ''] = target.split('?');
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursor);
  return `<${path}?${parameters.toString()}>; rel="next"`;
}
