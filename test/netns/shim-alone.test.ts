/** The CNI shim without an agent that answers. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { tombstonesIn } from '../../src/agent/tombstones.ts'
import { systemClock } from '../../src/base/index.ts'
import { CalledShim, CONFIG, parseRequest, reply, SHIM } from './called-shim.ts'

let shim: CalledShim
beforeEach(() => {
  shim = new CalledShim()
})
afterEach(() => shim[Symbol.dispose]())

test('no agent: ADD, CHECK and GC try again later, STATUS is unavailable, with names escaped', async () => {
  const codes = { ADD: 11, CHECK: 11, GC: 11, STATUS: 50 }
  for (const [command, code] of Object.entries(codes)) {
    const { status, stdout } = await shim.run(shim.pods({ COMMAND: command }))
    assert.equal(status, code)
    assert.equal(JSON.parse(stdout).code, code)
  }
  const odd = join(shim.directory, 'a "quoted" \\ \n name')
  const { stdout } = await shim.run(shim.pods({ COMMAND: 'ADD' }), CONFIG, { PODLACE_CNI_SOCKET: odd })
  assert.equal(JSON.parse(stdout).details, `${odd}: ENOENT`)
  const broken = await shim.run({ COMMAND: 'ADD', CONTAINERID: 'a', IFNAME: 'e', NETNS: '/proc/self/ns/net' })
  assert.equal(JSON.parse(broken.stdout).details, '/proc/self/ns/net')
})

test('an agent that dies in the middle, or talks nonsense, is the same as none', async () => {
  const answers = [[], [0, 0], [0, 0, 0, 0], [0, 0, 0, 9, 0, 0x7b], [0xff, 0xff, 0xff, 0xff, 0, 0]]
  for (const bytes of answers) {
    const agent = createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(new Uint8Array(bytes)))
    })
    await new Promise<void>(resolve => agent.listen(shim.socketPath, resolve))
    const added = await shim.run(shim.pods({ COMMAND: 'ADD' }))
    const deleted = await shim.run(shim.pods({ COMMAND: 'DEL' }))
    await new Promise(resolve => agent.close(resolve))
    assert.equal(added.status, 11)
    assert.equal(JSON.parse(added.stdout).code, 11)
    assert.deepEqual(deleted, { status: 0, stdout: '', stderr: '' })
    assert.match(readdirSync(join(shim.state, 'tombstones')).join(), /^c0ffee-eth0-\d+$/)
    rmSync(shim.state, { recursive: true })
  }
})

test('an agent that does not answer is waited for until the deadline', async () => {
  shim.playAgent(() => {})
  const hurry = { PODLACE_CNI_DEADLINE_MS: '50' }
  const { status, stdout } = await shim.run(shim.pods({ COMMAND: 'ADD' }), CONFIG, hurry)
  assert.equal(status, 11)
  assert.match(JSON.parse(stdout).details, /ETIMEDOUT/)
  assert.equal((await shim.run(shim.pods({ COMMAND: 'DEL' }), CONFIG, hurry)).status, 0)
  assert.equal(readdirSync(join(shim.state, 'tombstones')).length, 1)
})

test('under the name dhcp it speaks to another daemon, whose leases need no DEL', async () => {
  const other = join(shim.directory, 'dhcp.sock')
  const dhcp = (command: string, socket: string) =>
    shim.run(
      shim.pods({ COMMAND: command }),
      CONFIG,
      { PODLACE_DHCP_SOCKET: socket, PODLACE_CNI_SOCKET: other },
      '/opt/cni/bin/dhcp',
    )
  shim.playAgent(({ fields }, connection) => connection.send(reply(0, fields.get('type') ?? '')))
  assert.deepEqual(await dhcp('ADD', shim.socketPath), { status: 0, stdout: 'dhcp', stderr: '' })
  for (const [command, code] of Object.entries({ ADD: 11, CHECK: 11, GC: 11, STATUS: 50 })) {
    const { stdout } = await dhcp(command, other)
    const { code: found, msg, details } = JSON.parse(stdout)
    assert.deepEqual([found, details], [code, `${other}: ENOENT`])
    assert.match(msg, /podlace dhcp/)
  }
  assert.deepEqual(await dhcp('DEL', other), { status: 0, stdout: '', stderr: '' })
  assert.equal(existsSync(shim.state), false)
})

test('DEL without an agent leaves its request on disk, for the owner of the state directory', async () => {
  mkdirSync(shim.state)
  chownSync(shim.state, 4711, 4712)
  assert.deepEqual(await shim.run(shim.pods({ COMMAND: 'DEL', ARGS: 'A=1' })), {
    status: 0,
    stdout: '',
    stderr: '',
  })
  assert.equal((await shim.run(shim.pods({ COMMAND: 'DEL', IFNAME: 'eth1' }))).status, 0)
  const tombstones = join(shim.state, 'tombstones')
  const names = readdirSync(tombstones).sort()
  assert.match(names.join(), /^c0ffee-eth0-(\d+),c0ffee-eth1-\1$/)
  const path = join(tombstones, names[0] ?? '')
  const request = parseRequest(readFileSync(path), [])
  assert.equal(request.fields.get('fds'), '')
  assert.equal(request.fields.get('CNI_ARGS'), 'A=1')
  assert.equal(request.config.toString(), CONFIG)
  for (const file of [path, tombstones]) {
    const { uid, gid, mode } = statSync(file)
    assert.deepEqual([uid, gid, mode & 0o077], [4711, 4712, 0])
  }
})

test('each plugin of a chain leaves a record of its own, in their order; a DEL that is repeated leaves no other', async () => {
  const chain = [
    ['tuning', '{"type":"tuning"}'],
    ['portmap', '{"type":"portmap","n":2}'],
    ['portmap', '{"type":"portmap","n":1}'],
    ['bandwidth', '{}'],
    ['bridge', '{}'],
  ] as const
  const del = async ([type, config]: (typeof chain)[number], variables = {}) => {
    const { status } = await shim.run(shim.pods({ COMMAND: 'DEL', ...variables }), config, {}, `/bin/${type}`)
    assert.equal(status, 0)
  }
  for (const plugin of chain) await del(plugin)
  const tombstones = tombstonesIn(shim.state, { clock: systemClock, random: Math.random })
  const first = tombstones.list()
  const recorded = first.map(name => {
    const { fields, config } = parseRequest(tombstones.read(name) ?? Buffer.of(), [])
    return [fields.get('type'), config.toString()]
  })
  assert.deepEqual(recorded, chain)
  for (let round = 0; round < 3; round++) {
    for (const plugin of chain.slice(round)) await del(plugin, { NETNS: '', ARGS: `ROUND=${round}` })
  }
  assert.deepEqual(tombstones.list(), first)
  assert.deepEqual(readdirSync(join(shim.state, 'tombstones')).sort(), [...first].sort())
})

test('records that are written within one tick of the kernel are in order', () => {
  const interfaces = ['e', 'a', 'd', 'b', 'c', 'h', 'g', 'f']
  // A shell starts them faster than this process could; and ramfs dates its files by ticks, on every kernel.
  const script = `mount -t ramfs none "$PODLACE_STATE_DIR" && chmod 755 "$PODLACE_STATE_DIR" || exit 1
    for name in ${interfaces.join(' ')}; do CNI_IFNAME=$name "$0" </dev/null; done
    stat -c '%.9Y %n' "$PODLACE_STATE_DIR"/tombstones/* | sort`
  mkdirSync(shim.state)
  const env = {
    CNI_COMMAND: 'DEL',
    CNI_CONTAINERID: 'c',
    PODLACE_STATE_DIR: shim.state,
    PATH: process.env['PATH'],
  }
  const listed = execFileSync('unshare', ['--mount', 'sh', '-c', script, SHIM], { env, encoding: 'utf8' })
  assert.deepEqual(
    Array.from(listed.matchAll(/\/c-(.)-\d+$/gm), ([, name]) => name),
    interfaces,
  )
})

test('the longest container id that can be recorded has room for the rest of the name', async () => {
  const del = (length: number) =>
    shim.run(
      shim.pods({ COMMAND: 'DEL', CONTAINERID: 'x'.repeat(length), IFNAME: 'a-name-of-15-ch' }),
      CONFIG,
    )
  assert.equal((await del(215)).status, 0)
  assert.match(readdirSync(join(shim.state, 'tombstones')).join(), /^x{215}-a-name-of-15-ch-\d+$/)
  assert.equal((await del(216)).status, 4)
})

test('a DEL that cannot be recorded fails', async () => {
  writeFileSync(shim.state, 'not a directory')
  const { status, stdout } = await shim.run(shim.pods({ COMMAND: 'DEL' }))
  assert.equal(status, 5)
  assert.equal(JSON.parse(stdout).details, 'ENOTDIR')
  rmSync(shim.state)
  mkdirSync(shim.state)
  symlinkSync(shim.directory, join(shim.state, 'tombstones'))
  assert.equal((await shim.run(shim.pods({ COMMAND: 'DEL' }))).status, 5)
  for (const name of ['../../etc/passwd', 'a/b', '.hidden', 'x'.repeat(300)])
    assert.equal((await shim.run(shim.pods({ COMMAND: 'DEL', CONTAINERID: name }))).status, 4)
  assert.deepEqual(readdirSync(shim.directory).sort(), ['pod', 'state'])
})
