/** The CNI shim against a server that plays the agent. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { closeFd, Netns, type NetnsFds, type UnixConnection, UnixServer, unpin } from '../../src/sys/index.ts'

/** Another build of it can be put to the same tests. */
const shim = process.env['PODLACE_SHIM'] ?? fileURLToPath(new URL('../../build/podlace-cni', import.meta.url))
const CONFIG = '{"cniVersion":"1.0.0","name":"net","type":"podlace"}'

let directory: string
let socketPath: string
let state: string
let pod: Netns
let podPath: string
let server: UnixServer | undefined
const children = new Set<ChildProcess>()

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-shim-'))
  socketPath = join(directory, 'cni.sock')
  state = join(directory, 'state')
  podPath = join(directory, 'pod')
  pod = Netns.create()
  pod.pin(podPath)
})

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  server?.close()
  server = undefined
  pod.close()
  unpin(podPath)
  rmSync(directory, { recursive: true, force: true })
})

interface Answer {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts the shim, under this path, with exactly this environment; `CNI_COMMAND` and the like without prefix. */
function run(
  cni: Record<string, string>,
  config: string | Buffer | undefined = CONFIG,
  more = {},
  argv0 = '/opt/cni/bin/bridge',
): Promise<Answer> {
  const env: Record<string, string> = { PODLACE_CNI_SOCKET: socketPath, PODLACE_STATE_DIR: state, ...more }
  for (const [name, value] of Object.entries(cni)) env[`CNI_${name}`] = value
  const child = spawn(shim, [], { env, argv0 })
  children.add(child)
  child.stdin.on('error', () => {})
  child.stdin.end(config)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', text => (stderr += text))
  return new Promise(resolve => child.on('close', status => resolve({ status, stdout, stderr })))
}

const pods = (more: Record<string, string>) => ({
  CONTAINERID: 'c0ffee',
  NETNS: podPath,
  IFNAME: 'eth0',
  PATH: '/opt/cni/bin',
  ...more,
})

interface Request {
  /** The `key=value` strings behind the protocol's name. */
  readonly fields: Map<string, string>
  readonly config: Buffer
  readonly fds: number[]
}

function parse(payload: Uint8Array, fds: number[]): Request {
  const bytes = Buffer.from(payload)
  const end = bytes.indexOf('\0\0')
  const [protocol, ...pairs] = bytes.subarray(0, end).toString().split('\0')
  assert.equal(protocol, 'podlace-cni/2')
  const fields = new Map(
    pairs.map((pair): [string, string] => [
      pair.slice(0, pair.indexOf('=')),
      pair.slice(pair.indexOf('=') + 1),
    ]),
  )
  return { fields, config: bytes.subarray(end + 2), fds }
}

function playAgent(answer: (request: Request, connection: UnixConnection) => void): void {
  server = UnixServer.listen(socketPath, {
    mode: 0o600,
    onConnection: c =>
      c.onFrame((payload, fds) => {
        const request = parse(payload, fds)
        answer(request, c)
        for (const fd of request.fds) closeFd(fd)
      }),
  })
}

const reply = (status: number, text: string) => Buffer.concat([Buffer.from([status]), Buffer.from(text)])

/** Descriptors by the names that the request gives them; whoever adopts them takes them off the request. */
function adopt(request: Request): Netns {
  const names = (request.fields.get('fds') ?? '').split(',')
  assert.equal(names.length, request.fds.length)
  const byName = new Map(names.map((name, index): [string, number] => [name, request.fds[index] ?? -1]))
  const take = (name: string) => byName.get(name) ?? assert.fail(`no descriptor ${name}`)
  const fds: NetnsFds = {
    netns: take('netns'),
    route: take('route'),
    netfilter: take('netfilter'),
    ipv4: take('ipv4'),
    ipv6: take('ipv6'),
    core: take('core'),
  }
  request.fds.length = 0
  return Netns.fromFds(fds)
}

test('the binary is static and small', () => {
  assert.ok(statSync(shim).size < 20_000, `${statSync(shim).size} bytes`)
})

test('ADD hands the pod over: descriptors, environment, config, and the answer comes back', async () => {
  let seen: Request | undefined
  let cookie = 0n
  playAgent((request, connection) => {
    seen = request
    const netns = adopt(request)
    cookie = netns.cookie
    netns.writeSysctl('ipv4/conf/lo/rp_filter', '2')
    netns.close()
    connection.send(reply(0, '{"ips":[]}\n'))
  })
  const answer = await run(pods({ COMMAND: 'ADD', ARGS: 'K8S_POD_NAME=web "1"' }))
  assert.deepEqual(answer, { status: 0, stdout: '{"ips":[]}\n', stderr: '' })
  assert.equal(cookie, pod.cookie)
  assert.equal(pod.readSysctl('ipv4/conf/lo/rp_filter'), '2')
  assert.equal(seen?.config.toString(), CONFIG)
  assert.deepEqual([...(seen?.fields ?? [])].filter(([key]) => key !== 'fds').sort(), [
    ['CNI_ARGS', 'K8S_POD_NAME=web "1"'],
    ['CNI_COMMAND', 'ADD'],
    ['CNI_CONTAINERID', 'c0ffee'],
    ['CNI_IFNAME', 'eth0'],
    ['CNI_NETNS', podPath],
    ['CNI_PATH', '/opt/cni/bin'],
    ['type', 'bridge'],
  ])
})

test('every command is relayed with its exit status and output, descriptors only where there is a pod', async () => {
  const seen: string[] = []
  playAgent((request, connection) => {
    seen.push(`${request.fields.get('CNI_COMMAND')} ${request.fds.length}`)
    connection.send(reply(seen.length, 'x'.repeat(seen.length)))
  })
  for (const command of ['ADD', 'CHECK', 'DEL']) await run(pods({ COMMAND: command }))
  await run({ COMMAND: 'GC', PATH: '/opt/cni/bin' })
  const answer = await run({ COMMAND: 'STATUS', PATH: '/opt/cni/bin' })
  assert.deepEqual(seen, ['ADD 6', 'CHECK 6', 'DEL 6', 'GC 0', 'STATUS 0'])
  assert.deepEqual(answer, { status: 5, stdout: 'xxxxx', stderr: '' })
})

test('a config of 300 kB and an answer of 1 MiB arrive whole; more than 900 KiB is refused', async () => {
  const config = Buffer.alloc(300_000, 'ü')
  const output = 'é'.repeat((1 << 19) - 1)
  playAgent((request, connection) => {
    assert.equal(Buffer.compare(request.config, config), 0)
    connection.send(reply(0, output))
  })
  const answer = await run(pods({ COMMAND: 'ADD' }), config)
  assert.equal(answer.status, 0)
  assert.equal(answer.stdout, output)
  const refused = await run(pods({ COMMAND: 'ADD' }), Buffer.alloc((900 << 10) + 1, ' '))
  assert.equal(refused.status, 6)
  assert.match(JSON.parse(refused.stdout).msg, /900 KiB/)
  const widest = Buffer.alloc(900 << 10, ' ')
  server?.close()
  playAgent((request, connection) => connection.send(reply(0, String(request.config.length))))
  assert.equal((await run(pods({ COMMAND: 'ADD' }), widest)).stdout, String(900 << 10))
})

test('a namespace that is gone is the agent’s to judge', async () => {
  playAgent((request, connection) => {
    assert.equal(request.fields.get('fds'), '')
    connection.send(reply(0, request.fields.get('netns-error') ?? 'none'))
  })
  const gone = pods({ COMMAND: 'DEL', NETNS: join(directory, 'gone') })
  assert.equal((await run(gone)).stdout, 'ENOENT')
  writeFileSync(join(directory, 'file'), '')
  assert.equal((await run({ ...gone, NETNS: join(directory, 'file') })).stdout, 'EINVAL')
  const { NETNS: _, ...without } = gone
  assert.equal((await run(without)).stdout, 'none')
})

test('the host’s own namespace is refused with code 8, unless it is overridden', async () => {
  const own = pods({ COMMAND: 'ADD', NETNS: '/proc/self/ns/net' })
  const refused = await run(own)
  assert.equal(refused.status, 8)
  assert.equal(JSON.parse(refused.stdout).code, 8)
  playAgent((request, connection) => connection.send(reply(0, String(request.fds.length))))
  assert.equal((await run({ ...own, NETNS_OVERRIDE: 'true' })).stdout, '6')
})

test('VERSION and no command at all need no agent', async () => {
  const version = await run({ COMMAND: 'VERSION' })
  assert.equal(version.status, 0)
  assert.deepEqual(JSON.parse(version.stdout), {
    cniVersion: '1.1.0',
    supportedVersions: ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'],
  })
  const about = await run({})
  assert.equal(about.status, 0)
  assert.equal(about.stdout, '')
  assert.match(about.stderr, /Podlace CNI plugin[^]*1\.1\.0/)
})

test('what the shim cannot do without is asked for by name', async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ COMMAND: 'FROB' }, /CNI_COMMAND must be/],
    [{ COMMAND: 'ADD', IFNAME: 'eth0', NETNS: '/x' }, /CNI_CONTAINERID/],
    [{ COMMAND: 'DEL', CONTAINERID: 'a' }, /CNI_IFNAME/],
    [{ COMMAND: 'CHECK', CONTAINERID: 'a', IFNAME: 'eth0' }, /CNI_NETNS/],
  ]
  for (const [environment, message] of cases) {
    const { status, stdout } = await run(environment)
    assert.equal(status, 4)
    assert.match(JSON.parse(stdout).msg, message)
  }
})

test('errors carry the version of the config, found where it belongs', async () => {
  const versions: [string, string][] = [
    ['{"cniVersion":"0.4.0"}', '0.4.0'],
    ['{"name":"cniVersion","x":{"cniVersion":"9"}, "cniVersion" :\n"0.3.1"}', '0.3.1'],
    ['{"a":"\\"cniVersion\\":\\"7\\"","b":["cniVersion"]}', '1.1.0'],
    ['{"cniVersion":"1\\u0022"}', '1.1.0'],
    ['{"cniVersion":"0.1234567890123456789"}', '1.1.0'],
    ['{"cniVersion":5}', '1.1.0'],
    ['{"cniVersion', '1.1.0'],
    ['\0\0{"cniVersion":"1.0.0"}', '1.0.0'],
    ['', '1.1.0'],
  ]
  for (const [config, version] of versions) {
    const { stdout } = await run({ COMMAND: 'STATUS' }, config)
    assert.equal(JSON.parse(stdout).cniVersion, version, config)
  }
})

test('no agent: ADD, CHECK and GC try again later, STATUS is unavailable, with names escaped', async () => {
  const codes = { ADD: 11, CHECK: 11, GC: 11, STATUS: 50 }
  for (const [command, code] of Object.entries(codes)) {
    const { status, stdout } = await run(pods({ COMMAND: command }))
    assert.equal(status, code)
    assert.equal(JSON.parse(stdout).code, code)
  }
  const odd = join(directory, 'a "quoted" \\ \n name')
  const { stdout } = await run(pods({ COMMAND: 'ADD' }), CONFIG, { PODLACE_CNI_SOCKET: odd })
  assert.equal(JSON.parse(stdout).details, `${odd}: ENOENT`)
  const broken = await run({ COMMAND: 'ADD', CONTAINERID: 'a', IFNAME: 'e', NETNS: '/proc/self/ns/net' })
  assert.equal(JSON.parse(broken.stdout).details, '/proc/self/ns/net')
})

test('an agent that dies in the middle, or talks nonsense, is the same as none', async () => {
  const answers = [[], [0, 0], [0, 0, 0, 0], [0, 0, 0, 9, 0, 0x7b], [0xff, 0xff, 0xff, 0xff, 0, 0]]
  for (const bytes of answers) {
    const agent = createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(new Uint8Array(bytes)))
    })
    await new Promise<void>(resolve => agent.listen(socketPath, resolve))
    const added = await run(pods({ COMMAND: 'ADD' }))
    const deleted = await run(pods({ COMMAND: 'DEL' }))
    await new Promise(resolve => agent.close(resolve))
    assert.equal(added.status, 11)
    assert.equal(JSON.parse(added.stdout).code, 11)
    assert.deepEqual(deleted, { status: 0, stdout: '', stderr: '' })
    assert.deepEqual(readdirSync(join(state, 'tombstones')), ['c0ffee-eth0'])
    rmSync(state, { recursive: true })
  }
})

test('an agent that does not answer is waited for until the deadline', async () => {
  playAgent(() => {})
  const hurry = { PODLACE_CNI_DEADLINE_MS: '50' }
  const { status, stdout } = await run(pods({ COMMAND: 'ADD' }), CONFIG, hurry)
  assert.equal(status, 11)
  assert.match(JSON.parse(stdout).details, /ETIMEDOUT/)
  assert.equal((await run(pods({ COMMAND: 'DEL' }), CONFIG, hurry)).status, 0)
  assert.ok(existsSync(join(state, 'tombstones', 'c0ffee-eth0')))
})

test('under the name dhcp it speaks to another daemon, whose leases need no DEL', async () => {
  const other = join(directory, 'dhcp.sock')
  const dhcp = (command: string, socket: string) =>
    run(
      pods({ COMMAND: command }),
      CONFIG,
      { PODLACE_DHCP_SOCKET: socket, PODLACE_CNI_SOCKET: other },
      '/opt/cni/bin/dhcp',
    )
  playAgent(({ fields }, connection) => connection.send(reply(0, fields.get('type') ?? '')))
  assert.deepEqual(await dhcp('ADD', socketPath), { status: 0, stdout: 'dhcp', stderr: '' })
  for (const [command, code] of Object.entries({ ADD: 11, CHECK: 11, GC: 11, STATUS: 50 })) {
    const { stdout } = await dhcp(command, other)
    const { code: found, msg, details } = JSON.parse(stdout)
    assert.deepEqual([found, details], [code, `${other}: ENOENT`])
    assert.match(msg, /podlace dhcp/)
  }
  assert.deepEqual(await dhcp('DEL', other), { status: 0, stdout: '', stderr: '' })
  assert.equal(existsSync(state), false)
})

test('DEL without an agent leaves its request on disk, for the owner of the state directory', async () => {
  mkdirSync(state)
  chownSync(state, 4711, 4712)
  assert.deepEqual(await run(pods({ COMMAND: 'DEL', ARGS: 'A=1' })), { status: 0, stdout: '', stderr: '' })
  assert.equal((await run(pods({ COMMAND: 'DEL', IFNAME: 'eth1' }))).status, 0)
  assert.equal((await run(pods({ COMMAND: 'DEL', ARGS: 'A=2' }))).status, 0)
  const tombstones = join(state, 'tombstones')
  assert.deepEqual(readdirSync(tombstones).sort(), ['c0ffee-eth0', 'c0ffee-eth1'])
  const path = join(tombstones, 'c0ffee-eth0')
  const request = parse(readFileSync(path), [])
  assert.equal(request.fields.get('fds'), '')
  assert.equal(request.fields.get('CNI_ARGS'), 'A=2')
  assert.equal(request.config.toString(), CONFIG)
  for (const file of [path, tombstones]) {
    const { uid, gid, mode } = statSync(file)
    assert.deepEqual([uid, gid, mode & 0o077], [4711, 4712, 0])
  }
})

test('a DEL that cannot be recorded fails', async () => {
  writeFileSync(state, 'not a directory')
  const { status, stdout } = await run(pods({ COMMAND: 'DEL' }))
  assert.equal(status, 5)
  assert.equal(JSON.parse(stdout).details, 'ENOTDIR')
  rmSync(state)
  mkdirSync(state)
  symlinkSync(directory, join(state, 'tombstones'))
  assert.equal((await run(pods({ COMMAND: 'DEL' }))).status, 5)
  for (const name of ['../../etc/passwd', 'a/b', '.hidden', 'x'.repeat(300)])
    assert.equal((await run(pods({ COMMAND: 'DEL', CONTAINERID: name }))).status, 4)
  assert.deepEqual(readdirSync(directory).sort(), ['pod', 'state'])
})

/** The frame by which an agent has a plugin run; then what the shim told of it, and what it printed at the end. */
async function order(strings: readonly string[], stdin = '', more = {}): Promise<[number, string, Answer]> {
  let told: Buffer = Buffer.alloc(0)
  server = UnixServer.listen(socketPath, {
    mode: 0o600,
    onConnection: connection => {
      const answers = [
        Buffer.concat([Buffer.from([255]), Buffer.from(`${strings.join('\0')}\0\0${stdin}`)]),
        reply(3, 'the end'),
      ]
      connection.onFrame((payload, fds) => {
        for (const fd of fds) closeFd(fd)
        told = Buffer.from(payload)
        connection.send(answers.shift() ?? reply(9, 'too many frames'))
      })
    },
  })
  const answer = await run(pods({ COMMAND: 'ADD', PATH: `/none:${directory}:` }), CONFIG, more)
  return [told[0] ?? -1, told.subarray(1).toString(), answer]
}

function plugin(name: string, script: string): void {
  writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

test('a plugin that the agent orders is run with its variables and its input; its output is told', async () => {
  plugin('theirs', 'echo "$CNI_COMMAND $CNI_CONTAINERID $EXTRA"; cat; exit 7')
  const input = 'x'.repeat(300_000)
  const [code, output, answer] = await order(['theirs', 'CNI_COMMAND=GC', 'EXTRA=y'], input)
  assert.equal(code, 7)
  assert.equal(output, `GC c0ffee y\n${input}`)
  assert.deepEqual(answer, { status: 3, stdout: 'the end', stderr: '' })
})

test('an order that cannot be carried out is told by its errno, and the call goes on', async () => {
  plugin('large', 'head -c 1100000 /dev/zero')
  plugin('slow', 'echo $$ > "$0.pid"; exec sleep 60')
  writeFileSync(join(directory, 'broken'), 'no program', { mode: 0o755 })
  writeFileSync(join(directory, 'no-program'), '', { mode: 0o644 })
  const refusals: [string, number, string][] = [
    ['none', 255, 'ENOENT'],
    ['no-program', 255, 'ENOENT'],
    ['../theirs', 255, 'EPROTO'],
    ['.hidden', 255, 'EPROTO'],
    ['', 255, 'EPROTO'],
    ['large', 255, 'EMSGSIZE'],
    ['broken', 127, ''],
  ]
  for (const [name, code, text] of refusals) {
    const told = await order([name])
    assert.deepEqual(told, [code, text, { status: 3, stdout: 'the end', stderr: '' }], name)
    server?.close()
  }
  const late = await order(['slow'], '', { PODLACE_CNI_DEADLINE_MS: '700' })
  assert.deepEqual(late.slice(0, 2), [255, 'ETIMEDOUT'])
  const pid = readFileSync(join(directory, 'slow.pid'), 'utf8').trim()
  assert.ok(!existsSync(`/proc/${pid}`), 'the plugin was killed')
})

test('fifty at once are answered each with its own', async () => {
  playAgent((request, connection) => connection.send(reply(0, request.fields.get('CNI_CONTAINERID') ?? '')))
  const names = Array.from({ length: 50 }, (_, index) => `c${index}`)
  const answers = await Promise.all(names.map(name => run(pods({ COMMAND: 'ADD', CONTAINERID: name }))))
  assert.deepEqual(
    answers.map(answer => answer.stdout),
    names,
  )
})
