import { Param, type PipeTransform } from '@nestjs/common';
import { invalidRequest } from '../http/dto-reader.js';
import { readName } from './artifact-name.js';

class ArtifactNamePipe implements PipeTransform<string, string> {
  transform(text: string): string {
    const read = readName(text);
    if ('fault' in read) throw invalidRequest([{ pointer: 'name', detail: read.fault }]);
    return read.name;
  }
}

/** The name of an artifact in the path. */
export function ArtifactName(): ParameterDecorator {
  return Param('name', new ArtifactNamePipe());
}
