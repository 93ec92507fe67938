import assert from 'node:assert/strict'
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ManualClock } from '../../base/index.ts'
import { flockSync } from '../../sys/index.ts'
import { PLUGIN_TYPES } from '../plugin-types.ts'
import type { Change } from './change.ts'
import { withDirectoryLock } from './directory-lock.ts'
import { type InstallOptions, install, uninstall } from './install.ts'
import { NETWORK_FILE, podlaceNetwork, readNetworkFile } from './network-file.ts'

const BUILT = fileURLToPath(new URL('../../../build/podlace-cni', import.meta.url))

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'podlace-install-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const at = (...parts: string[]) => join(root, ...parts)
const uid = process.getuid?.() ?? 0
const waiting = () => ({ clock: new ManualClock(), signal: new AbortController().signal, timeoutMs: 1000 })

function options(more: Partial<InstallOptions> = {}): InstallOptions {
  const network = podlaceNetwork('pods')
  const places = { shim: BUILT, binDir: at('bin'), confDir: at('net.d'), types: 'all', force: false } as const
  return { ...waiting(), ...places, network, uid, ...more }
}

const remove = (more: object = {}) =>
  uninstall({
    ...waiting(),
    binDir: at('bin'),
    confDir: at('net.d'),
    types: 'all',
    network: NETWORK_FILE,
    ...more,
  })

/** Names of what was done, by what it was. */
const done = (changes: readonly Change[], did: Change['did']) =>
  changes.filter(change => change.did === did).map(({ path }) => path.slice(root.length + 1))

function put(path: string, text: string, mode = 0o755): void {
  mkdirSync(at(path, '..'), { recursive: true })
  writeFileSync(at(path), text)
  chmodSync(at(path), mode)
}

test('all plugins, the network last; a second run changes nothing; uninstall leaves nothing', async () => {
  const before = process.umask(0o077)
  try {
    const { changes } = await install(options({ agent: { uid, directories: [at('state')] } }))
    assert.deepEqual(done(changes, 'installed'), [
      ...PLUGIN_TYPES.map(type => `bin/${type}`),
      'net.d/10-podlace.conflist',
    ])
    assert.equal(changes.at(-1)?.path, at('net.d', NETWORK_FILE))
  } finally {
    process.umask(before)
  }
  for (const type of PLUGIN_TYPES) {
    assert.equal(lstatSync(at('bin', type)).mode & 0o7777, 0o755)
    assert.ok(readFileSync(at('bin', type)).equals(readFileSync(BUILT)))
  }
  assert.deepEqual(readdirSync(at('bin')).sort(), PLUGIN_TYPES.toSorted())
  assert.equal(statSync(at('net.d', NETWORK_FILE)).mode & 0o777, 0o644)
  const inode = statSync(at('bin/podlace')).ino
  const again = await install(options({ agent: { uid, directories: [at('state')] } }))
  assert.deepEqual([...new Set(again.changes.map(({ did }) => did))], ['unchanged'])
  assert.equal(statSync(at('bin/podlace')).ino, inode)
  assert.equal((await remove()).length, PLUGIN_TYPES.length + 1)
  assert.deepEqual([readdirSync(at('bin')), readdirSync(at('net.d')), readdirSync(at('state'))], [[], [], []])
  assert.deepEqual(await remove(), [])
})

test('another version of the shim, or one that others may write, is replaced', async () => {
  put('bin/podlace', 'older. Podlace CNI plugin: relays. older')
  put('bin/bridge', readFileSync(BUILT, 'latin1'))
  writeFileSync(at('bin/bridge'), readFileSync(BUILT))
  chmodSync(at('bin/bridge'), 0o777)
  const { changes } = await install(options())
  assert.deepEqual(done(changes, 'replaced'), ['bin/podlace', 'bin/bridge'])
  assert.equal(statSync(at('bin/bridge')).mode & 0o7777, 0o755)
})

test('of all, other programs stay; asked for by name, nothing is changed before somebody decides', async () => {
  put('bin/bridge', 'another program')
  symlinkSync('/usr/lib/cni/ptp', at('bin/ptp'))
  const { changes } = await install(options())
  assert.deepEqual(done(changes, 'left'), ['bin/bridge', 'bin/ptp'])
  assert.equal(readFileSync(at('bin/bridge'), 'utf8'), 'another program')
  await remove()
  await assert.rejects(install(options({ types: ['podlace', 'bridge'] })), {
    code: 'cni.install.foreign',
    message: /bin\/bridge: this is another program\. --force/,
  })
  assert.deepEqual(readdirSync(at('bin')).sort(), ['bridge', 'ptp'])
})

test('with force other programs are kept aside, and come back', async () => {
  put('bin/bridge', 'another program')
  symlinkSync('/usr/lib/cni/ptp', at('bin/ptp'))
  put(`net.d/${NETWORK_FILE}`, '{"name":"old","plugins":[{"type":"podlace"}]}')
  const { changes } = await install(options({ types: ['podlace', 'bridge', 'ptp'], force: true }))
  assert.deepEqual(done(changes, 'kept-aside'), ['bin/bridge.before-podlace', 'bin/ptp.before-podlace'])
  assert.deepEqual(done(changes, 'replaced'), [`net.d/${NETWORK_FILE}`])
  assert.ok(readFileSync(at('bin/ptp')).equals(readFileSync(BUILT)))
  const back = await remove()
  assert.deepEqual(done(back, 'restored'), ['bin/bridge', 'bin/ptp'])
  assert.equal(readFileSync(at('bin/bridge'), 'utf8'), 'another program')
  assert.ok(lstatSync(at('bin/ptp')).isSymbolicLink())
  assert.deepEqual(readdirSync(at('bin')).sort(), ['bridge', 'ptp'])
})

test('uninstall touches no program of others, and only the types asked for', async () => {
  await install(options())
  rmSync(at('bin/vrf'))
  put('bin/vrf', 'somebody was here')
  assert.deepEqual(done(await remove({ types: ['vrf', 'sbr'], network: undefined }), 'left'), ['bin/vrf'])
  assert.ok(
    existsSync(at('bin/podlace')) && existsSync(at('net.d', NETWORK_FILE)) && !existsSync(at('bin/sbr')),
  )
})

test('a list of its own keeps its name; what it needs must be there', async () => {
  put(
    'x/05-lan.conflist',
    '{"cniVersion":"1.0.0","name":"lan","plugins":[{"type":"bridge"},{"type":"cilium"}]}',
  )
  const network = readNetworkFile(at('x/05-lan.conflist'))
  await assert.rejects(install(options({ network })), {
    code: 'cni.install.plugin-missing',
    message: /needs cilium/,
  })
  assert.ok(!existsSync(at('net.d')))
  put('bin/cilium', 'another program')
  await install(options({ network }))
  assert.deepEqual(readFileSync(at('net.d/05-lan.conflist')), readFileSync(at('x/05-lan.conflist')))
  await remove({ network: '05-lan.conflist' })
  assert.deepEqual(readdirSync(at('net.d')), [])
})

test("another's list is not overwritten without force, and comes back", async () => {
  put('x/05-lan.conflist', '{"name":"lan","plugins":[{"type":"bridge"}]}')
  put('net.d/05-lan.conflist', '{"name":"theirs","plugins":[{"type":"bridge"}]}')
  const network = readNetworkFile(at('x/05-lan.conflist'))
  await assert.rejects(install(options({ network })), { code: 'cni.install.foreign' })
  await install(options({ network, force: true }))
  await remove({ network: '05-lan.conflist' })
  assert.match(readFileSync(at('net.d/05-lan.conflist'), 'utf8'), /theirs/)
})

test('a list that is none is found out before anything is changed', async () => {
  assert.throws(() => readNetworkFile(at('x.json')), {
    code: 'cni.install.bad-network',
    message: /must be named/,
  })
  const network = { name: 'a.conflist', bytes: Buffer.from('{') }
  await assert.rejects(install(options({ network })), { code: 'cni.install.bad-network' })
  await assert.rejects(install(options({ network: podlaceNetwork('../x') })), {
    code: 'cni.install.bad-network',
  })
  await assert.rejects(install(options({ shim: '/bin/true' })), { code: 'cni.install.no-shim' })
  assert.deepEqual(readdirSync(root), [])
})

test('files that runtimes find first are told', async () => {
  put('net.d/00-first.conf', '{}')
  put('net.d/05-readme.txt', '')
  put('net.d/99-last.conflist', '{}')
  assert.deepEqual((await install(options())).before, ['00-first.conf'])
})

test('what a killed install left is no harm', async () => {
  put('bin/.bridge.podlace-new', 'half a fi')
  put(`net.d/.${NETWORK_FILE}.podlace-new`, '{')
  await install(options())
  assert.deepEqual(readdirSync(at('bin')).sort(), PLUGIN_TYPES.toSorted())
  assert.deepEqual(readdirSync(at('net.d')), [NETWORK_FILE])
})

test('who comes second waits, and is told if it takes too long', async () => {
  mkdirSync(at('bin'))
  const clock = new ManualClock()
  const holder = openSync(at('bin'), 'r')
  flockSync(holder, 'exclusive', { nonBlocking: true })
  const patient = withDirectoryLock(at('bin'), { ...waiting(), clock }, () => 'had its turn')
  const impatient = withDirectoryLock(at('bin'), { ...waiting(), clock, timeoutMs: 20 }, () => 'had its turn')
  await Promise.all([assert.rejects(impatient, { code: 'cni.install.busy' }), clock.advance(40)])
  closeSync(holder)
  await clock.advance(20)
  assert.equal(await patient, 'had its turn')
})
