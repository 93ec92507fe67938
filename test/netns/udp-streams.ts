import { type ChildProcess, spawn } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import type { Netns } from '../../src/sys/index.ts'

/** Says which port it has, then, per connection, length and hash of what came. */
const SERVER = `
const hash = require('node:crypto').createHash('sha256')
let length = 0
require('node:net').createServer(socket => {
  socket.on('data', data => { length += data.length; hash.update(data) })
  socket.on('end', () => { console.log(length + ' ' + hash.digest('hex')); process.exit() })
}).listen(Number(process.argv[1]), '0.0.0.0', () => console.log('listening'))`

const CLIENT = `
const { createCipheriv } = require('node:crypto')
const [port, address, length] = process.argv.slice(1)
const data = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(Number(length)))
require('node:net').connect(Number(port), address).end(data)`

/** What `sendStream` sends. */
export function streamOf(length: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(length))
}

/** `length` and hash, as the server says it. */
export function summaryOf(data: Buffer): string {
  return `${data.length} ${createHash('sha256').update(data).digest('hex')}`
}

function nodeIn(netns: Netns, script: string, ...args: readonly string[]): ChildProcess {
  const where = `--net=/proc/${process.pid}/fd/${netns.fds.netns}`
  return spawn('nsenter', [where, process.execPath, '-e', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
}

/** Waits for one connection; `summary` resolves with what came by it. Killed when disposed. */
export async function receiveStream(netns: Netns, port: number) {
  const child = nodeIn(netns, SERVER, String(port))
  const output = child.stdout
  if (output === null) throw new Error('no output')
  await once(output, 'readable')
  const summary = text(output).then(all => all.replace('listening\n', '').trim())
  return { summary, [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

/** Sends `streamOf(length)`; resolves when it is all acknowledged and closed. */
export async function sendStream(netns: Netns, address: string, port: number, length: number): Promise<void> {
  const child = nodeIn(netns, CLIENT, String(port), address, String(length))
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`the sender ended with ${code}`)
}
