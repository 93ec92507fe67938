import http from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'

export interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly path: string
  readonly body?: unknown
}

/** HTTP requests that go over one connection, in order. */
export interface Requests {
  /** `host:port`, or the path of a unix socket. */
  readonly where: string
  readonly token: string
  readonly requests: readonly Request[]
  /** Between an answer and the next request. */
  readonly pauseMs: number
}

/** Status and body of the last answer, or of the first that is no success; status 0 if there was none. */
export async function sendRequests({ where, token, requests, pauseMs }: Requests): Promise<string> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  let answer = ''
  for (const request of requests) {
    answer = await send(agent, where, token, request).catch((error: unknown) => `0 ${String(error)}`)
    if (!answer.startsWith('2')) break
    if (pauseMs > 0) await setTimeout(pauseMs)
  }
  agent.destroy()
  return answer
}

function send(
  agent: http.Agent,
  where: string,
  token: string,
  { method, path, body }: Request,
): Promise<string> {
  const [host, port] = where.split(':')
  const target = where.startsWith('/') ? { socketPath: where } : { host, port }
  const headers = {
    'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
    authorization: `Bearer ${token}`,
  }
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const request = http.request({ ...target, agent, method, path, headers }, response => {
    text(response).then(answer => resolve(`${response.statusCode} ${answer}`), reject)
  })
  request.on('error', reject)
  request.end(body === undefined ? '' : JSON.stringify(body))
  return promise
}
