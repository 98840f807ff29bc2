import { keepTasksAt } from '../support/describe-stores.js';

keepTasksAt('sentinel');
await import('./whole.service.js');
