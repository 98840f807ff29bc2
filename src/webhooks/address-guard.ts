export { isPublicAddress } from '../http/public-address.js';
