/** The CNI shim relays calls to a server that plays the agent. */
import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { Netns, type NetnsFds } from '../../src/sys/index.ts'
import { CalledShim, CONFIG, type Request, reply, SHIM } from './called-shim.ts'

let shim: CalledShim
beforeEach(() => {
  shim = new CalledShim()
})
afterEach(() => shim[Symbol.dispose]())

/** Descriptors by the names that the request gives them; whoever adopts them takes them off the request. */
function adopt(request: Request): Netns {
  const names = (request.fields.get('fds') ?? '').split(',')
  assert.equal(names.length, request.fds.length)
  const byName = new Map(names.map((name, index): [string, number] => [name, request.fds[index] ?? -1]))
  const take = (name: string) => byName.get(name) ?? assert.fail(`no descriptor ${name}`)
  const fds: NetnsFds = {
    ...Object.fromEntries(byName),
    netns: take('netns'),
    route: take('route'),
    netfilter: take('netfilter'),
    ipv4: take('ipv4'),
  }
  request.fds.length = 0
  return Netns.fromFds(fds)
}

test('the binary is static and small', () => {
  assert.ok(statSync(SHIM).size < 20_000, `${statSync(SHIM).size} bytes`)
})

test('ADD hands the pod over: descriptors, environment, config, and the answer comes back', async () => {
  let seen: Request | undefined
  let cookie = 0n
  shim.playAgent((request, connection) => {
    seen = request
    const netns = adopt(request)
    cookie = netns.cookie
    netns.writeSysctl('ipv4/conf/lo/rp_filter', '2')
    netns.close()
    connection.send(reply(0, '{"ips":[]}\n'))
  })
  const answer = await shim.run(shim.pods({ COMMAND: 'ADD', ARGS: 'K8S_POD_NAME=web "1"' }))
  assert.deepEqual(answer, { status: 0, stdout: '{"ips":[]}\n', stderr: '' })
  assert.equal(cookie, shim.pod.cookie)
  assert.equal(shim.pod.readSysctl('ipv4/conf/lo/rp_filter'), '2')
  assert.equal(seen?.config.toString(), CONFIG)
  assert.deepEqual([...(seen?.fields ?? [])].filter(([key]) => key !== 'fds').sort(), [
    ['CNI_ARGS', 'K8S_POD_NAME=web "1"'],
    ['CNI_COMMAND', 'ADD'],
    ['CNI_CONTAINERID', 'c0ffee'],
    ['CNI_IFNAME', 'eth0'],
    ['CNI_NETNS', shim.podPath],
    ['CNI_PATH', '/opt/cni/bin'],
    ['type', 'bridge'],
  ])
})

test('every command is relayed with its exit status and output, descriptors only where there is a pod', async () => {
  const seen: string[] = []
  shim.playAgent((request, connection) => {
    seen.push(`${request.fields.get('CNI_COMMAND')} ${request.fds.length}`)
    connection.send(reply(seen.length, 'x'.repeat(seen.length)))
  })
  for (const command of ['ADD', 'CHECK', 'DEL']) await shim.run(shim.pods({ COMMAND: command }))
  await shim.run({ COMMAND: 'GC', PATH: '/opt/cni/bin' })
  const answer = await shim.run({ COMMAND: 'STATUS', PATH: '/opt/cni/bin' })
  assert.deepEqual(seen, ['ADD 5', 'CHECK 5', 'DEL 5', 'GC 0', 'STATUS 0'])
  assert.deepEqual(answer, { status: 5, stdout: 'xxxxx', stderr: '' })
})

test('tuning gets every directory of sysctls that the namespace has', async () => {
  let names: readonly string[] = []
  shim.playAgent((request, connection) => {
    names = (request.fields.get('fds') ?? '').split(',')
    const netns = adopt(request)
    netns.writeSysctl('unix/max_dgram_qlen', '77')
    netns.close()
    connection.send(reply(0, ''))
  })
  const answer = await shim.run(shim.pods({ COMMAND: 'ADD' }), CONFIG, {}, '/opt/cni/bin/tuning')
  assert.deepEqual(answer, { status: 0, stdout: '', stderr: '' })
  assert.equal(shim.pod.readSysctl('unix/max_dgram_qlen'), '77')
  assert.deepEqual(new Set(names), new Set(Object.keys(shim.pod.fds)))
})

test('of a pod in which nothing is to be done, its identity goes', async () => {
  const seen: string[] = []
  shim.playAgent((request, connection) => {
    seen.push(request.fields.get('fds') ?? '')
    connection.send(reply(0, ''))
  })
  for (const type of ['portmap', 'bandwidth', 'firewall', 'sbr'])
    await shim.run(shim.pods({ COMMAND: 'ADD' }), CONFIG, {}, `/opt/cni/bin/${type}`)
  const identity = 'netns,route'
  assert.deepEqual(seen, [identity, identity, identity, 'netns,route,netfilter,ipv4,ipv6'])
})

test('a config of 300 kB and an answer of 1 MiB arrive whole; more than 900 KiB is refused', async () => {
  const config = Buffer.alloc(300_000, 'ü')
  const output = 'é'.repeat((1 << 19) - 1)
  shim.playAgent((request, connection) => {
    assert.equal(Buffer.compare(request.config, config), 0)
    connection.send(reply(0, output))
  })
  const answer = await shim.run(shim.pods({ COMMAND: 'ADD' }), config)
  assert.equal(answer.status, 0)
  assert.equal(answer.stdout, output)
  const refused = await shim.run(shim.pods({ COMMAND: 'ADD' }), Buffer.alloc((900 << 10) + 1, ' '))
  assert.equal(refused.status, 6)
  assert.match(JSON.parse(refused.stdout).msg, /900 KiB/)
  const widest = Buffer.alloc(900 << 10, ' ')
  shim.playAgent((request, connection) => connection.send(reply(0, String(request.config.length))))
  assert.equal((await shim.run(shim.pods({ COMMAND: 'ADD' }), widest)).stdout, String(900 << 10))
})

test('a namespace that is gone is the agent’s to judge', async () => {
  shim.playAgent((request, connection) => {
    assert.equal(request.fields.get('fds'), '')
    connection.send(reply(0, request.fields.get('netns-error') ?? 'none'))
  })
  const gone = shim.pods({ COMMAND: 'DEL', NETNS: join(shim.directory, 'gone') })
  assert.equal((await shim.run(gone)).stdout, 'ENOENT')
  writeFileSync(join(shim.directory, 'file'), '')
  assert.equal((await shim.run({ ...gone, NETNS: join(shim.directory, 'file') })).stdout, 'EINVAL')
  const { NETNS: _, ...without } = gone
  assert.equal((await shim.run(without)).stdout, 'none')
})

test('the host’s own namespace is refused with code 8, unless it is overridden', async () => {
  const own = shim.pods({ COMMAND: 'ADD', NETNS: '/proc/self/ns/net' })
  const refused = await shim.run(own)
  assert.equal(refused.status, 8)
  assert.equal(JSON.parse(refused.stdout).code, 8)
  shim.playAgent((request, connection) => connection.send(reply(0, String(request.fds.length))))
  assert.equal((await shim.run({ ...own, NETNS_OVERRIDE: 'true' })).stdout, '5')
})

test('fifty at once are answered each with its own', async () => {
  shim.playAgent((request, connection) =>
    connection.send(reply(0, request.fields.get('CNI_CONTAINERID') ?? '')),
  )
  const names = Array.from({ length: 50 }, (_, index) => `c${index}`)
  const answers = await Promise.all(
    names.map(name => shim.run(shim.pods({ COMMAND: 'ADD', CONTAINERID: name }))),
  )
  assert.deepEqual(
    answers.map(answer => answer.stdout),
    names,
  )
})
test('VERSION and no command at all need no agent', async () => {
  const version = await shim.run({ COMMAND: 'VERSION' })
  assert.equal(version.status, 0)
  assert.deepEqual(JSON.parse(version.stdout), {
    cniVersion: '1.1.0',
    supportedVersions: ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'],
  })
  const about = await shim.run({})
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
    const { status, stdout } = await shim.run(environment)
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
    const { stdout } = await shim.run({ COMMAND: 'STATUS' }, config)
    assert.equal(JSON.parse(stdout).cniVersion, version, config)
  }
})
