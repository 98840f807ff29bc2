import { ApiProperty } from '@nestjs/swagger';

/** The answer to an append. */
export class AppendedLog {
  @ApiProperty({ type: 'integer', description: 'The attempt that the lease belongs to', example: 1 })
  readonly attempt: number = 0;

  @ApiProperty({
    type: 'integer',
    description: 'The bytes that the attempt has sent, and so the offset of the next chunk',
    example: 4096,
  })
  readonly size: number = 0;
}
