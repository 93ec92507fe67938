import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { runAs } from './testing.ts'

const env = { PODLACE_LABS: '/nonexistent/labs' }

/** As an ordinary user of nothing: none of these may come as far as doing something. */
const run = (...args: string[]) => runAs({ uid: 1000, env }, ...args)

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
    assert.match((await run('--version')).out, /^\d+\.\d+\.\d+\n$/)
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
      [['agent', '--healthz-port', '65536'], /whole number from 0 to 65535/],
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

  it('with -o json also prints an error as one JSON value, beside the message on standard error', async () => {
    for (const command of LAB_COMMANDS) {
      const path = command.slice(0, command[0] === 'fault' ? 2 : 1)
      const rest = command.slice(path.length)
      const { status, out, err } = await run('lab', ...path, '-o', 'json', ...rest)
      assert.equal(status, 1)
      const { error } = JSON.parse(out)
      assert.equal(error.code, 'lab.not-root')
      assert.equal(err, `podlace: ${error.message}\n`)
    }
    const unknown = await runAs({ uid: 0, env }, 'lab', 'status', '-o', 'json', '--name', 'x')
    assert.equal(JSON.parse(unknown.out).error.code, 'lab.unknown')
    const setting = await runAs({ uid: 0, env }, 'lab', 'up', '-o', 'json', '--network', '127.0.0.0/8')
    assert.deepEqual([setting.status, JSON.parse(setting.out).error.code], [2, 'lab.bad-setting'])
    assert.equal((await run('lab', 'status', '-o', 'json', '--nmae', 'x')).out, '')
  })

  it('takes an agent configuration that makes no sense for a mistake, too', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'podlace-cli-'))
    try {
      const wrong: [string, RegExp][] = [
        ['nodeName: [a', /cannot use the configuration file .*: Flow sequence[^\n]*\n$/],
        ['- a', /it holds a list/],
        ['42', /it holds the number 42/],
        ['', /nodeName: missing/],
        ['nodeName: a\napi: http://b\nspeed: 9', /speed: unknown key; known keys: nodeName/],
      ]
      for (const [content, expected] of wrong) {
        const file = join(directory, 'agent.yaml')
        writeFileSync(file, content)
        const { status, out, err } = await run('agent', '--config', file)
        assert.deepEqual([status, out], [2, ''], content)
        assert.match(err, expected)
      }
      const missing = await run('agent', '--config', join(directory, 'none'))
      assert.equal(missing.status, 2)
      assert.match(missing.err, /^podlace: cannot use the configuration file .*ENOENT.*\n$/)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('tells no password that YAML takes for something else', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'podlace-cli-'))
    const file = join(directory, 'agent.yaml')
    const warnings: string[] = []
    const onWarning = ({ message }: Error) => void warnings.push(message)
    process.on('warning', onWarning)
    try {
      const etcd = 'nodeName: a\netcdEndpoints: [http://127.0.0.1:1]\netcdUsername: u\netcdPassword: '
      for (const password of ['!secret', '*secret', '[secret]']) {
        writeFileSync(file, etcd + password)
        const { status, err } = await run('agent', '--config', file)
        assert.equal(status, 2, err)
        assert.match(err, /quotes|expected a text/)
        assert.doesNotMatch(err, /secret/)
      }
      await new Promise(setImmediate)
      assert.deepEqual(warnings, [])
    } finally {
      process.off('warning', onWarning)
      rmSync(directory, { recursive: true })
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
