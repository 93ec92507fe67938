import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { Netns } from '../../src/sys/index.ts'
import { eventually } from './agent-nodes.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')

let directory: string
let netns: Netns
const running: ChildProcess[] = []

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-start-'))
  fs.mkdirSync(inside('state'))
  netns = Netns.create()
})

afterEach(async () => {
  for (const child of running.splice(0)) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  netns.close()
  fs.rmSync(directory, { recursive: true, force: true })
})

function inside(name: string): string {
  return path.join(directory, name)
}

/** The command as a user types it, in a namespace of its own; nobody answers at the API server's address. */
function commandLine(flags: Readonly<Record<string, string>>): string[] {
  const options = {
    'node-name': 'node-1',
    api: 'http://127.0.0.1:1',
    'state-dir': inside('state'),
    socket: inside('cni.sock'),
    'admin-socket': inside('agent.sock'),
    'subnet-file': '',
    ...flags,
  }
  const enter = `--net=/proc/${process.pid}/fd/${netns.fds.netns}`
  const program = [process.execPath, path.join(ROOT, 'src/cli/main.ts'), 'agent']
  return [enter, ...program, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])]
}

function refused(flags: Readonly<Record<string, string>>): { status: number | null; message: string } {
  // It ends by itself; the deadline is for a defect that keeps it running.
  const { status, stderr } = spawnSync('nsenter', commandLine(flags), { encoding: 'utf8', timeout: 30_000 })
  const message = stderr.split('\n').find(line => line.startsWith('podlace: ')) ?? stderr
  return { status, message }
}

async function started(flags: Readonly<Record<string, string>> = {}): Promise<ChildProcess> {
  const child = spawn('nsenter', commandLine(flags), { stdio: ['ignore', 'ignore', 'pipe'] })
  running.push(child)
  let log = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text))
  await eventually('the agent to start', () => {
    if (child.exitCode !== null) throw new Error(`the agent ended: ${log}`)
    return log.includes('agent started') || undefined
  })
  return child
}

test('an agent that cannot start says why, ends with status 1 and leaves no socket', () => {
  fs.writeFileSync(inside('file'), 'precious')
  const cases: [Record<string, string>, RegExp][] = [
    [{ 'state-dir': inside('none') }, /cannot write the state directory .*none: it must exist/],
    [{ socket: inside('none/cni.sock') }, /cannot serve the CNI socket .*its directory must exist.*--socket/],
    [{ socket: inside('file') }, /cannot serve the CNI socket .*the file is no socket/],
    [{ socket: `/tmp/${'a'.repeat(110)}` }, /cannot serve the CNI socket .*at most 107 bytes/],
    [{ 'admin-socket': inside('none/a.sock') }, /cannot serve the admin socket .*must exist.*--admin-socket/],
    [{ 'admin-socket': inside('file') }, /cannot serve the admin socket .*the file is no socket/],
    [{ 'ca-file': inside('none') }, /cannot read the certificate authority .*none/],
  ]
  for (const [flags, expected] of cases) {
    const { status, message } = refused(flags)
    assert.match(message, expected)
    assert.equal(status, 1, message)
    assert.deepEqual(fs.readdirSync(directory).sort(), ['file', 'state'], message)
  }
  assert.equal(fs.readFileSync(inside('file'), 'utf8'), 'precious')
})

test('a live agent keeps its sockets; what a dead one left is taken over', async () => {
  const first = await started()
  fs.mkdirSync(inside('other'))
  assert.match(refused({}).message, /another agent is running with the state directory/)
  assert.match(
    refused({ 'state-dir': inside('other') }).message,
    /admin socket .*another agent answers there/,
  )
  const own = { 'state-dir': inside('other'), 'admin-socket': inside('other.sock') }
  assert.match(refused(own).message, /CNI socket .*another agent answers there/)
  assert.deepEqual(fs.readdirSync(directory).sort(), ['agent.sock', 'cni.sock', 'other', 'state'])
  first.kill('SIGKILL')
  await once(first, 'exit')
  assert.ok(fs.existsSync(inside('agent.sock')), 'a dead agent leaves its socket')
  const second = await started()
  second.kill('SIGTERM')
  const [status] = await once(second, 'exit')
  assert.equal(status, 0)
  assert.deepEqual(fs.readdirSync(directory).sort(), ['other', 'state'])
})

test('a damaged journal is refused with advice, which works', async () => {
  const child = await started()
  child.kill('SIGTERM')
  await once(child, 'exit')
  const file = inside('state/attachments')
  const bytes = fs.readFileSync(file)
  bytes[0] = (bytes[0] ?? 0) ^ 1
  bytes.write('garbage\nmore garbage\n', bytes.indexOf(0))
  fs.writeFileSync(file, bytes)
  const { status, message } = refused({})
  assert.equal(status, 1)
  assert.match(message, /journal .*state\/attachments is damaged: .*--recover-journal/)
  assert.deepEqual(fs.readFileSync(file), bytes)
  const recovery = spawn('nsenter', [...commandLine({}), '--recover-journal'], { stdio: 'ignore' })
  running.push(recovery)
  await eventually('the recovered agent', () => fs.existsSync(inside('cni.sock')) || undefined)
  assert.deepEqual(fs.readFileSync(`${file}.corrupt-1`), bytes)
})
