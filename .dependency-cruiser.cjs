/**
 * Which way imports run. scripts/lib/arrows.json lists the arrows between rooms, the folders of src; a unit test checks
 * that each of them exists. The picture and the reasons are in docs/architecture.md.
 */
const ARROWS = require('./scripts/lib/arrows.json');

const DRIVERS = '^src/storage/(embedded|redis)/';
/** The port itself, and what every driver has to say in the same way. */
const PORT =
  '^src/storage/(task-store|task-views|queue-settings-store|transitions|former-names|document-store|event-log|outbox|webhook-addresses|task-filter|claim-key|task-origins|task-logs|next-read)\\.ts$';
/** Files at the top that rooms import: the number of the version, and the service for the command that starts it. */
const PROGRAM = ['^src/version\\.ts$', '^src/main\\.ts$'];
const OWN_SOURCE = '^src/';

/** The files of a room. `storage` has rooms of its own below it. */
function filesOf(room) {
  return room === 'storage' ? '^src/storage/[^/]+$' : `^src/${room}/`;
}

/** Everything below src that the given files may not import. */
function only(name, comment, from, allowed) {
  return { name, comment, severity: 'error', from, to: { path: OWN_SOURCE, pathNot: allowed } };
}

const rooms = Object.entries(ARROWS).map(([room, others]) =>
  only(
    `arrows-of-${room.replace('/', '-')}`,
    'A room imports those that scripts/lib/arrows.json lists.',
    { path: filesOf(room) },
    [...[room, ...others].map(filesOf), ...PROGRAM],
  ),
);

module.exports = {
  forbidden: [
    ...rooms,
    {
      name: 'no-circular',
      comment: 'Files that import each other cannot be understood one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'unresolvable',
      comment: 'An import that leads nowhere. Assets import by their address in the browser.',
      severity: 'error',
      from: { pathNot: '^src/dashboard/assets/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'domain-imports-nothing',
      comment: 'The life cycle is pure: no framework, no store, no Node module.',
      severity: 'error',
      from: { path: '^src/task/' },
      to: { pathNot: '^src/task/' },
    },
    {
      name: 'port-knows-only-the-domain',
      comment: 'The store port says what a store promises, in words of the domain.',
      severity: 'error',
      from: { path: PORT },
      to: { pathNot: ['^src/task/', PORT] },
    },
    only(
      'drivers-know-only-the-port',
      'A driver is exchangeable: it knows its own folder, the port, the domain, the configuration, its connection and the version.',
      { path: DRIVERS },
      [`^src/storage/$1/`, PORT, '^src/(task|config|redis)/', '^src/version\\.ts$'],
    ),
    {
      name: 'redis-connection-below-records',
      comment: 'The connection sends scripts; it does not know what they are about.',
      severity: 'error',
      from: { path: '^src/storage/redis/connection/' },
      to: { path: '^src/storage/redis/(?!connection/)' },
    },
    {
      name: 'redis-records-below-commands',
      comment: 'What a record looks like does not depend on who reads or writes it.',
      severity: 'error',
      from: { path: '^src/storage/redis/records/' },
      to: { path: '^src/storage/redis/(?!connection/|records/)' },
    },
    {
      name: 'redis-commands-below-the-store',
      comment: 'The store is put together of commands; none of them knows it.',
      severity: 'error',
      from: { path: '^src/storage/redis/commands/' },
      to: { path: '^src/storage/redis/[^/]+$' },
    },
    {
      name: 'embedded-without-redis',
      comment: 'The embedded store needs nothing else to run.',
      severity: 'error',
      from: { path: '^src/storage/embedded/' },
      to: { path: ['^src/redis/', 'node_modules/ioredis/'] },
    },
    {
      name: 'lmdb-behind-the-port',
      comment: 'Only the embedded driver knows which engine it uses.',
      severity: 'error',
      from: { path: OWN_SOURCE, pathNot: '^src/storage/embedded/' },
      to: { path: 'node_modules/lmdb/' },
    },
    {
      name: 'cron-in-one-place',
      comment: 'Which library reads cron expressions is the business of one file.',
      severity: 'error',
      from: { path: OWN_SOURCE, pathNot: '^src/schedules/cron-times\\.ts$' },
      to: { path: 'node_modules/croner/' },
    },
    {
      name: 'one-place-picks-the-driver',
      comment: 'Nobody but the storage module asks which driver it is.',
      severity: 'error',
      from: { path: OWN_SOURCE, pathNot: ['^src/storage/'] },
      to: { path: DRIVERS },
    },
    {
      name: 'client-stands-alone',
      comment: 'The client is for other programs, browsers too: no service, no package, no Node module.',
      severity: 'error',
      from: { path: '^src/client/', pathNot: '^src/client/heartbeat[.-]thread\\.ts$' },
      to: { pathNot: '^src/client/' },
    },
    only(
      'client-threads-alone',
      'Of its modules only the thread needs Node; browsers never load it, and the others know its types alone.',
      { path: '^src/client/heartbeat[.-]thread\\.ts$' },
      ['^src/client/', '^worker_threads$'],
    ),
    only(
      'commands-know-the-client',
      'A command is a program of its own that starts at once. Only those for the files of the store know more.',
      { path: '^src/cli/', pathNot: '^src/cli/(store-copy|commands/store|program)\\.ts$' },
      ['^src/(cli|client)/', '^src/version\\.ts$', '^src/task/error-summary\\.ts$'],
    ),
    {
      name: 'swagger-at-the-edge',
      comment: 'Only http/, controllers and DTOs describe the API; docs/ puts the document together.',
      severity: 'error',
      from: {
        path: OWN_SOURCE,
        pathNot: ['^src/http/', '\\.controller\\.ts$', '/dto/', '^src/docs/'],
      },
      to: { path: 'node_modules/@nestjs/swagger/' },
    },
    {
      name: 'not-to-test',
      comment: 'The service does not depend on its tests.',
      severity: 'error',
      from: { path: OWN_SOURCE },
      to: { pathNot: [OWN_SOURCE, '^node_modules/'], dependencyTypes: ['local'] },
    },
    {
      name: 'no-development-packages',
      comment: 'The image has no development packages, nor any that package.json does not name.',
      severity: 'error',
      from: { path: OWN_SOURCE },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only', 'npm'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
