import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { ApiProblems } from '../../../src/http/api-problems.decorator.js';
import { createExpressAdapter } from '../../../src/http/express-adapter.js';

@Controller()
class DocumentedController {
  @Get('x')
  @ApiProblems('task_not_found', 'no_output', 'lease_lost')
  read(): void {}
}

@Module({ controllers: [DocumentedController] })
class DocumentedModule {}

describe('ApiProblems', () => {
  it('documents codes by status, each with an example, against one schema', async () => {
    const app = await NestFactory.create(DocumentedModule, createExpressAdapter(), { logger: false });
    const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    await app.close();
    const responses = document.paths['/x']?.get?.responses as Record<
      string,
      { content: Record<string, object> }
    >;
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['404', '409']));
    expect(responses['404']?.content['application/problem+json']).toMatchObject({
      schema: { $ref: '#/components/schemas/Problem' },
      examples: {
        task_not_found: { value: { status: 404, code: 'task_not_found' } },
        no_output: { value: { status: 404, code: 'no_output' } },
      },
    });
    expect(Object.keys(document.components?.schemas ?? {})).toEqual(expect.arrayContaining(['Problem']));
  });
});
