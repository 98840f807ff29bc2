import { ValidateBy } from 'class-validator';
import { isWebAddress } from './web-address.js';

/** An address that a webhook may be sent to. */
export function IsWebAddress(): PropertyDecorator {
  return ValidateBy({
    name: 'isWebAddress',
    constraints: [isWebAddress],
    validator: {
      validate: isWebAddress,
      defaultMessage: () => '$property must be an address with http or https, without user and password',
    },
  });
}
