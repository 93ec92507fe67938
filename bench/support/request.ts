/**
 * One HTTP request from inside a fake host, for preparation: `request.ts METHOD WHERE PATH [TOKEN]`, the body on
 * standard input. WHERE is `host:port` or the path of a unix socket. Prints status and body.
 */
import http from 'node:http'
import process from 'node:process'
import { text } from 'node:stream/consumers'

const [method = 'GET', where = '', path = '/', token] = process.argv.slice(2)
const [host, port] = where.split(':')
const target = where.startsWith('/') ? { socketPath: where } : { host, port }
const body = await text(process.stdin)
const headers = {
  'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
  ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
}
const request = http.request({ ...target, method, path, headers }, response => {
  text(response).then(
    answer => process.stdout.write(`${response.statusCode} ${answer}\n`),
    (error: unknown) => process.stdout.write(`0 ${String(error)}\n`),
  )
})
request.on('error', error => process.stdout.write(`0 ${error.message}\n`))
request.end(body)
