import { applyDecorators, Controller, Get, Param, Req, Res } from '@nestjs/common';
import {
  ApiNotModifiedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
  type ContentObject,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Public } from '../auth/access.decorator.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { noSuchPath } from '../http/not-allowed.js';
import { ProblemError } from '../http/problem.error.js';
import { prefixOfRequest, publicPage } from '../http/public-path.js';
import { ApiDocument, etagOf } from './api-document.js';
import { type PageFile, PageFiles } from './page-files.js';
import { REDOC_PAGE, REDOC_POLICY, SWAGGER_UI_PAGE, SWAGGER_UI_POLICY } from './pages.js';
import { type Reply, sendReply } from './reply.js';

const HTML = { 'text/html': { schema: { type: 'string' } } };
const FILE = {
  'text/css': { schema: { type: 'string' } },
  'text/javascript': { schema: { type: 'string' } },
  'image/png': { schema: { type: 'string', contentMediaType: 'image/png' } },
};

function ApiContent(description: string, content: ContentObject): MethodDecorator {
  return applyDecorators(
    ApiOkResponse({ description, content }),
    ApiNotModifiedResponse({
      description: 'The client’s copy (`If-None-Match`) is current',
    }),
  );
}

@ApiTags('documentation')
@Controller()
@Public()
export class DocsController {
  constructor(
    private readonly document: ApiDocument,
    private readonly files: PageFiles,
  ) {}

  @Get('openapi.json')
  @ApiOperation({ operationId: 'getOpenApiJson', summary: 'Read the OpenAPI document as JSON' })
  @ApiContent('OpenAPI 3.1', { 'application/json': { schema: { type: 'object' } } })
  @ApiProblems()
  async json(@Req() request: Request, @Res() response: Response): Promise<void> {
    sendReply(request, response, {
      ...(await this.document.text('json', prefixOfRequest(request))),
      type: 'application/json',
    });
  }

  @Get('openapi.yaml')
  @ApiOperation({ operationId: 'getOpenApiYaml', summary: 'Read the OpenAPI document as YAML' })
  @ApiContent('OpenAPI 3.1', { 'application/yaml': { schema: { type: 'string' } } })
  @ApiProblems()
  async yaml(@Req() request: Request, @Res() response: Response): Promise<void> {
    sendReply(request, response, {
      ...(await this.document.text('yaml', prefixOfRequest(request))),
      type: 'application/yaml',
    });
  }

  @Get('docs')
  @ApiOperation({
    operationId: 'getSwaggerUi',
    summary: 'Open the API in Swagger UI',
    description: 'All assets come from this service.',
  })
  @ApiContent('A page', HTML)
  @ApiProblems()
  swaggerUi(@Req() request: Request, @Res() response: Response): void {
    sendReply(request, response, pageReply(request, SWAGGER_UI_PAGE, SWAGGER_UI_POLICY));
  }

  @Get('docs/:file')
  @ApiOperation({ operationId: 'getSwaggerUiFile', summary: 'Read an asset of the Swagger UI page' })
  @ApiParam({
    name: 'file',
    description: 'The name of the file',
    schema: { type: 'string' },
    example: 'swagger-ui.css',
  })
  @ApiContent('The file', FILE)
  @ApiProblems('malformed_request', 'not_found')
  async swaggerUiFile(
    @Param('file') name: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    sendReply(request, response, found(request, await this.files.swaggerUi(name)));
  }

  @Get('redoc')
  @ApiOperation({
    operationId: 'getRedoc',
    summary: 'Open the API in ReDoc',
    description: 'All assets come from this service.',
  })
  @ApiContent('A page', HTML)
  @ApiProblems('not_found')
  async redoc(@Req() request: Request, @Res() response: Response): Promise<void> {
    built(await this.files.redoc());
    sendReply(request, response, pageReply(request, REDOC_PAGE, REDOC_POLICY));
  }

  @Get('redoc/redoc.standalone.js')
  @ApiOperation({ operationId: 'getRedocFile', summary: 'Read the script of the ReDoc page' })
  @ApiContent('The script', { 'text/javascript': { schema: { type: 'string' } } })
  @ApiProblems('not_found')
  async redocFile(@Req() request: Request, @Res() response: Response): Promise<void> {
    sendReply(request, response, built(await this.files.redoc()));
  }
}

function pageReply(request: Request, text: string, policy: string): Reply {
  const content = Buffer.from(publicPage(request, text));
  return { content, policy, type: 'text/html; charset=utf-8', etag: etagOf(content) };
}

/** The file, or 404 without the requested name: a page must not show text from a URL. */
function found(request: Request, file: PageFile | undefined): PageFile {
  if (file) return file;
  throw noSuchPath(request);
}

function built(file: PageFile | undefined): PageFile {
  if (file) return file;
  throw new ProblemError('not_found', 'This installation lacks ReDoc; npm run build adds it');
}
