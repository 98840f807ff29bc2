import { ValidateBy } from 'class-validator';
import { isWebAddress } from './web-address.js';

/** A URL that can receive webhooks. */
export function IsWebAddress(): PropertyDecorator {
  return ValidateBy({
    name: 'isWebAddress',
    constraints: [isWebAddress],
    validator: {
      validate: isWebAddress,
      defaultMessage: () => '$property must be an http or https URL without user and password',
    },
  });
}
