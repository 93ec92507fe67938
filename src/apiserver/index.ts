export { type AccessToken, readTokenFile } from './auth.ts'
export { type RunApiServerOptions, type RunningApiServer, runApiServer } from './run.ts'
export { type ApiServer, type ApiServerOptions, createApiServer } from './server.ts'
