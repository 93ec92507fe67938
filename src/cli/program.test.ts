import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CliContext } from './context.ts'
import { runCli } from './program.ts'

/** Runs a command line as an ordinary user of nothing: none of these may come as far as doing something. */
async function run(...args: string[]) {
  let out = ''
  let err = ''
  const context: CliContext = {
    stdout: { isTerminal: false, width: 100, write: text => void (out += text) },
    stderr: { write: text => void (err += text) },
    env: {},
    uid: 1000,
    signal: new AbortController().signal,
  }
  return { status: await runCli(args, context), out, err }
}

const LAB_COMMANDS = [
  ['up'],
  ['status'],
  ['exec', 'web-1', '--', 'true'],
  ['check'],
  ['trace', 'a', 'b'],
  ['run', 'web-7'],
  ['add-node'],
  ['remove-node', 'node-1'],
  ['fault', 'kill-agent', 'node-1'],
  ['fault', 'delete-route', 'node-1'],
  ['fault', 'delete-fdb', 'node-1'],
  ['fault', 'partition', 'node-1'],
  ['down'],
]

describe('podlace', () => {
  it('helps with examples, on standard output', async () => {
    for (const args of [['--help'], ['lab', '--help'], ['lab', 'up', '--help'], ['demo', '--help']]) {
      const { status, out, err } = await run(...args)
      assert.deepEqual([status, err], [0, ''], args.join(' '))
      assert.match(out, /Examples:/)
    }
  })

  it('tells its version, as JSON too', async () => {
    assert.match((await run('version')).out, /^podlace \d+\.\d+\.\d+ \(Node /)
    const { version } = JSON.parse((await run('version', '-o', 'json')).out)
    assert.match(version, /^\d/)
  })

  it('takes a command line that makes no sense for a mistake: status 2, and what was expected', async () => {
    const wrong: [string[], RegExp][] = [
      [['lab', 'upp'], /unknown command 'upp'[^]*up/],
      [['lab', 'up', '--node', '3'], /unknown option '--node'[^]*--nodes/],
      [['lab', 'up', '--nodes', 'many'], /whole number from 1 to 200/],
      [['lab', 'up', '--nodes', '0'], /whole number from 1 to 200/],
      [['lab', 'up', '--backend', 'carrier-pigeon'], /vxlan, host-gw/],
      [['lab', 'up', 'x'], /too many arguments/],
      [['lab', 'exec', 'web-1'], /missing required argument 'command'/],
      [['lab', 'status', '-o', 'xml'], /text, json/],
      [['apiserver', '--listen', 'here', '--data', 'x'], /HOST:PORT/],
      [['agent', '--api', 'ftp://x'], /Expected a URL/],
      [['demo', '--keep=1'], /./],
      [['lab'], /Usage: podlace lab/],
    ]
    for (const [args, expected] of wrong) {
      const { status, out, err } = await run(...args)
      assert.deepEqual([status, out], [2, ''], args.join(' '))
      assert.match(err, expected, args.join(' '))
    }
  })

  it('asks for root before anything else, in one sentence', async () => {
    for (const args of [['demo'], ...LAB_COMMANDS.map(command => ['lab', ...command])]) {
      const { status, err } = await run(...args)
      assert.equal(status, 1, args.join(' '))
      assert.match(err, /^podlace: the lab needs root, .* sudo.*\n$/, args.join(' '))
    }
  })

  it('prints results as text or JSON under lab, all of them', async () => {
    for (const command of LAB_COMMANDS) {
      const [first = '', second = ''] = command
      const path = first === 'fault' ? [first, second] : [first]
      assert.match((await run('lab', ...path, '--help')).out, /--output <format>/)
    }
  })
})
