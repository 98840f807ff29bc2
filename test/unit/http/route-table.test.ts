import express, { type Request, type RequestHandler } from 'express';
import { type RouterLike, RouteTable } from '../../../src/http/route-table.js';

const answer: RequestHandler = (_request, response) => {
  response.end();
};

function tableOf(declare: (app: express.Express) => void): RouteTable<RequestHandler> {
  const app = express();
  app.enable('strict routing');
  app.enable('case sensitive routing');
  declare(app);
  return new RouteTable(() => app.router as unknown as RouterLike);
}

const declareAll = (app: express.Express) => {
  app.get('/tasks/next', answer);
  app.post('/tasks/:id/complete', answer);
  app.get('/tasks/:id', answer);
  app.get('/tasks/late', answer);
};

describe('the table of routes', () => {
  it.each([
    ['GET', '/tasks/next', '/tasks/next', {}],
    ['GET', '/tasks/next?wait=1#x', '/tasks/next', {}],
    ['GET', '/tasks/a-1:b', '/tasks/:id', { id: 'a-1:b' }],
    ['GET', '/tasks/late', '/tasks/:id', { id: 'late' }],
    ['POST', '/tasks/a/complete', '/tasks/:id/complete', { id: 'a' }],
  ])('finds the first route that takes %s %s', (method, target, path, params) => {
    const match = tableOf(declareAll).find(method, target);
    expect([match?.route.path, match?.params, match?.handle]).toEqual([path, params, answer]);
  });

  it.each([
    ['POST', '/tasks/next'],
    ['HEAD', '/tasks/next'],
    ['OPTIONS', '/tasks/next'],
    ['GET', '/tasks/next/'],
    ['GET', '/TASKS/next'],
    ['GET', '/tasks//complete'],
    ['GET', '/tasks/'],
    ['GET', '//tasks/next'],
    ['GET', '/tasks/a%2Db'],
    ['GET', 'http://host/tasks/next'],
    ['GET', '*'],
    ['GET', ''],
    ['GET', '/none'],
  ])('leaves %s %s to Express', (method, target) => {
    expect(tableOf(declareAll).find(method, target)).toBeUndefined();
  });

  it.each<[string, (app: express.Express) => void]>([
    ['a middleware', (app) => app.use((_request: Request, _response, next) => next())],
    ['a middleware of its path', (app) => app.all('/tasks/next', (_request, _response, next) => next())],
    ['a pattern that takes it', (app) => app.get(/next/, answer)],
    ['a wildcard', (app) => app.get('/tasks/*rest', answer)],
    ['a second handler', (app) => app.get('/tasks/next', (_request, _response, next) => next(), answer)],
  ])('leaves to Express what stands behind %s', (_, declare) => {
    const table = tableOf((app) => {
      declare(app);
      declareAll(app);
    });
    expect(table.find('GET', '/tasks/next')).toBeUndefined();
  });

  it('finds a route behind a pattern that does not match', () => {
    const table = tableOf((app) => {
      app.get(/^\/other/, answer);
      declareAll(app);
    });
    expect(table.find('GET', '/tasks/next')?.route.path).toBe('/tasks/next');
  });

  it('finds routes that are declared later', () => {
    const app = express();
    const table = new RouteTable(() => app.router as unknown as RouterLike);
    expect(table.find('GET', '/tasks/late')).toBeUndefined();
    app.get('/tasks/late', answer);
    expect(table.find('GET', '/tasks/late')?.route.path).toBe('/tasks/late');
  });
});
