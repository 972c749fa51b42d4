import type * as nodeHttp from 'node:http'

/**
 * node:http for whatever a daemon loads. Not by `import`: that reads every export, and reading `WebSocket` makes Node.js
 * load its own copy of undici, which costs 11 MiB.
 */
export const http: typeof nodeHttp = process.getBuiltinModule('node:http')
