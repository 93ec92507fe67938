/** The CNI shim without an agent that answers. */
import assert from 'node:assert/strict'
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
import { CalledShim, CONFIG, parseRequest, reply } from './called-shim.ts'

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
    assert.deepEqual(readdirSync(join(shim.state, 'tombstones')), ['c0ffee-eth0'])
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
  assert.ok(existsSync(join(shim.state, 'tombstones', 'c0ffee-eth0')))
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
  assert.equal((await shim.run(shim.pods({ COMMAND: 'DEL', ARGS: 'A=2' }))).status, 0)
  const tombstones = join(shim.state, 'tombstones')
  assert.deepEqual(readdirSync(tombstones).sort(), ['c0ffee-eth0', 'c0ffee-eth1'])
  const path = join(tombstones, 'c0ffee-eth0')
  const request = parseRequest(readFileSync(path), [])
  assert.equal(request.fields.get('fds'), '')
  assert.equal(request.fields.get('CNI_ARGS'), 'A=2')
  assert.equal(request.config.toString(), CONFIG)
  for (const file of [path, tombstones]) {
    const { uid, gid, mode } = statSync(file)
    assert.deepEqual([uid, gid, mode & 0o077], [4711, 4712, 0])
  }
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
