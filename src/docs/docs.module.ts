import { Module } from '@nestjs/common';
import { ApiDocument } from './api-document.js';
import { DocsController } from './docs.controller.js';
import { PageFiles } from './page-files.js';

/** The documentation. `ApiDocument.describe` must be called with the application. */
@Module({
  controllers: [DocsController],
  providers: [
    { provide: ApiDocument, useFactory: () => new ApiDocument() },
    { provide: PageFiles, useFactory: () => new PageFiles() },
  ],
})
export class DocsModule {}
