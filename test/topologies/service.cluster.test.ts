import { keepTasksAt } from '../support/describe-stores.js';

keepTasksAt('cluster');
await import('./whole.service.js');
