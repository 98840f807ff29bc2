/** Pages without inline scripts and external assets: their policy forbids both. */

export const SWAGGER_UI_PAGE = page(`
    <link rel="icon" type="image/png" sizes="32x32" href="/docs/favicon-32x32.png">
    <link rel="icon" type="image/png" sizes="16x16" href="/docs/favicon-16x16.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <noscript>This page needs JavaScript. The document itself is at /openapi.json and /openapi.yaml.</noscript>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/swagger-ui-standalone-preset.js"></script>
    <script src="/docs/start.js"></script>`);

export const REDOC_PAGE = page(`
    <link rel="icon" type="image/png" sizes="32x32" href="/docs/favicon-32x32.png">
    <style>body { margin: 0; }</style>
  </head>
  <body>
    <noscript>This page needs JavaScript. The document itself is at /openapi.json and /openapi.yaml.</noscript>
    <redoc spec-url="/openapi.json" expand-responses="200,201" sort-required-props-first></redoc>
    <script src="/redoc/redoc.standalone.js"></script>`);

function page(content: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Crucible queue</title>${content}
  </body>
</html>
`;
}

/** No external assets and nothing inline except styles. Works over plain HTTP. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

export const SWAGGER_UI_POLICY = POLICY.join('; ');
/** ReDoc creates a web worker for its search. */
export const REDOC_POLICY = [...POLICY, 'worker-src blob:'].join('; ');
