import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { AttachmentCache } from './cache.ts'
import { type NetworkList, parseNetworkList } from './network-list.ts'
import type { PluginCall } from './plugin-exec.ts'
import type { PluginOutput } from './plugin-process.ts'
import { CniRuntime } from './runtime.ts'

let directory = ''
let calls: PluginCall[] = []
/** What the plugins answer: by `<plugin> <command>`, else success. */
let answers = new Map<string, Partial<PluginOutput>>()
let runtime: CniRuntime

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-runtime-'))
  calls = []
  answers = new Map()
  const cache = new AttachmentCache(directory)
  runtime = new CniRuntime({ cache, directories: ['/opt/a', '/opt/b'], exec: async call => answer(call) })
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function answer(call: PluginCall): PluginOutput {
  calls.push(call)
  const { plugin, variables } = call
  const result = { cniVersion: '1.1.0', ips: [{ address: '10.1.0.2/24' }], by: plugin }
  const stdout = variables['CNI_COMMAND'] === 'ADD' ? Buffer.from(JSON.stringify(result)) : Buffer.from('')
  return { exitCode: 0, stdout, stderr: '', ...answers.get(`${plugin} ${variables['CNI_COMMAND']}`) }
}

const failing = (reply: unknown): Partial<PluginOutput> => ({
  exitCode: 1,
  stdout: Buffer.from(JSON.stringify(reply)),
})

const listOf = (more: object = {}): NetworkList =>
  parseNetworkList(
    Buffer.from(
      JSON.stringify({
        cniVersion: '1.1.0',
        name: 'pods',
        plugins: [
          { type: 'bridge', name: 'else', capabilities: { mac: true, ips: false } },
          { type: 'portmap', capabilities: { portMappings: true }, 'example.com/own': 1 },
        ],
        ...more,
      }),
    ),
    'the list',
  )

const attachment = {
  containerId: 'c1',
  ifName: 'eth0',
  netns: '/run/netns/a',
  args: [['K8S_POD_NAME', 'web-1']],
  capabilityArgs: { mac: '02:00:00:00:00:01', ips: ['10.1.0.9'], portMappings: [] },
} as const

const told = () => calls.map(({ plugin, variables }) => `${plugin} ${variables['CNI_COMMAND']}`)
const inputOf = (at: number) => JSON.parse(calls.at(at)?.stdin ?? '')
const kept = () => readdirSync(join(directory, 'results'))

test('ADD goes through the list: environment, derived configuration, results handed on, the last one kept', async () => {
  const result = await runtime.add(listOf(), attachment)
  assert.equal(result['by'], 'portmap')
  assert.deepEqual(told(), ['bridge ADD', 'portmap ADD'])
  assert.deepEqual(calls[0]?.variables, {
    CNI_COMMAND: 'ADD',
    CNI_PATH: '/opt/a:/opt/b',
    CNI_CONTAINERID: 'c1',
    CNI_NETNS: '/run/netns/a',
    CNI_IFNAME: 'eth0',
    CNI_ARGS: 'K8S_POD_NAME=web-1',
  })
  assert.deepEqual(inputOf(0), {
    type: 'bridge',
    capabilities: { mac: true, ips: false },
    cniVersion: '1.1.0',
    name: 'pods',
    runtimeConfig: { mac: '02:00:00:00:00:01' },
  })
  assert.equal(inputOf(1).prevResult.by, 'bridge')
  assert.deepEqual(inputOf(1).runtimeConfig, { portMappings: [] })
  assert.equal(inputOf(1)['example.com/own'], 1)
  assert.deepEqual(kept(), ['pods-c1-eth0'])
})

test('a refused ADD names plugin, code and details; nothing follows, nothing is undone or kept', async () => {
  answers.set('bridge ADD', failing({ cniVersion: '1.1.0', code: 7, msg: 'no', details: 'really' }))
  await assert.rejects(runtime.add(listOf(), attachment), {
    message: 'plugin bridge refused ADD with code 7: no: really',
    code: 'cni.runtime.plugin-failed',
  })
  assert.deepEqual(told(), ['bridge ADD'])
  assert.throws(kept)
})

test('a plugin that dies is told by what it wrote', async () => {
  answers.set('bridge ADD', { exitCode: -1, stdout: Buffer.from(''), stderr: 'panic: nil' })
  await assert.rejects(runtime.add(listOf(), attachment), /code 999: a signal ended it, .*: panic: nil/)
  answers.set('bridge ADD', { exitCode: 3, stdout: Buffer.from('usage') })
  await assert.rejects(runtime.add(listOf(), attachment), /code 999: exit status 3, .*: usage/)
})

test('an ADD that prints no result is an error', async () => {
  for (const text of ['', 'ok', '[]', '{"cniVersion":"7.0.0"}']) {
    answers.set('bridge ADD', { stdout: Buffer.from(text) })
    await assert.rejects(runtime.add(listOf(), attachment), { code: 'cni.runtime.plugin-answer' }, text)
  }
})

test('a result of another version is converted, one without a version gets it', async () => {
  const old = { cniVersion: '0.4.0', ips: [{ version: '4', address: '10.1.0.2/24' }] }
  answers.set('portmap ADD', { stdout: Buffer.from(JSON.stringify(old)) })
  assert.deepEqual((await runtime.add(listOf(), attachment))['ips'], [{ address: '10.1.0.2/24' }])
  answers.set('portmap ADD', { stdout: Buffer.from('{"x":1}') })
  assert.deepEqual(await runtime.add(listOf(), { ...attachment, ifName: 'net1' }), {
    x: 1,
    cniVersion: '1.1.0',
  })
})

test('a second ADD is refused before any plugin hears of it', async () => {
  await runtime.add(listOf(), attachment)
  calls = []
  await assert.rejects(runtime.add(listOf(), attachment), { code: 'cni.runtime.attached' })
  assert.deepEqual(calls, [])
  await runtime.add(listOf(), { ...attachment, ifName: 'net1' })
})

test('names that are no names reach no plugin and no path', async () => {
  await assert.rejects(runtime.add(listOf(), { ...attachment, containerId: '../x' }), /not a container id/)
  await assert.rejects(runtime.del(listOf(), { ...attachment, ifName: 'a/b' }), /cannot name an interface/)
  assert.deepEqual(calls, [])
})

test('CHECK has the final result and what ADD was told', async () => {
  await assert.rejects(runtime.check(listOf(), attachment), { code: 'cni.runtime.not-attached' })
  await runtime.add(listOf(), attachment)
  calls = []
  assert.equal(await runtime.check(listOf(), { containerId: 'c1', ifName: 'eth0', netns: '/x' }), true)
  assert.deepEqual(told(), ['bridge CHECK', 'portmap CHECK'])
  assert.equal(inputOf(0).prevResult.by, 'portmap')
  assert.deepEqual(inputOf(0).runtimeConfig, { mac: '02:00:00:00:00:01' })
  assert.equal(calls[0]?.variables['CNI_NETNS'], '/x')
  assert.equal(await runtime.check(listOf({ disableCheck: true }), attachment), false)
  await assert.rejects(runtime.check(listOf({ cniVersion: '0.3.1' }), attachment), /no CHECK/)
})

test('DEL goes backwards with the final result, and forgets; without anything kept it is done all the same', async () => {
  await runtime.add(listOf(), attachment)
  calls = []
  await runtime.del(listOf(), { containerId: 'c1', ifName: 'eth0' })
  assert.deepEqual(told(), ['portmap DEL', 'bridge DEL'])
  assert.equal(inputOf(0).prevResult.by, 'portmap')
  assert.equal(calls[0]?.variables['CNI_NETNS'], '/run/netns/a')
  assert.deepEqual(kept(), [])
  await runtime.del(listOf(), attachment)
  assert.equal(inputOf(-1).prevResult, undefined)
})

test('DEL below 0.4.0 has no result, and forgets as well', async () => {
  const old = listOf({ cniVersion: '0.3.1' })
  await runtime.add(old, attachment)
  await runtime.del(old, attachment)
  assert.equal(inputOf(-1).prevResult, undefined)
  assert.deepEqual(kept(), [])
})

test('DEL goes on without a result that cannot be read, or cannot be converted', async () => {
  mkdirSync(join(directory, 'results'))
  writeFileSync(join(directory, 'results', 'pods-c1-eth0'), 'half a fi')
  await runtime.del(listOf(), attachment)
  assert.deepEqual(told(), ['portmap DEL', 'bridge DEL'])
  assert.deepEqual(kept(), [])
  answers.set('portmap ADD', { stdout: Buffer.from('{"cniVersion":"1.1.0","ips":["strange"]}') })
  await runtime.add(listOf(), attachment)
  await runtime.del(listOf({ cniVersion: '1.0.0' }), attachment)
  assert.equal(inputOf(-1).prevResult, undefined)
})

test('DEL stops at a plugin that refuses, and can be repeated', async () => {
  await runtime.add(listOf(), attachment)
  answers.set('portmap DEL', failing({ code: 11, msg: 'later' }))
  await assert.rejects(runtime.del(listOf(), attachment), /portmap refused DEL with code 11: later/)
  assert.deepEqual(kept(), ['pods-c1-eth0'])
  answers.clear()
  await runtime.del(listOf(), attachment)
  assert.deepEqual(kept(), [])
})

test('GC deletes what is kept and not valid, then tells the plugins; all errors are collected', async () => {
  for (const containerId of ['c1', 'c2', 'c3']) await runtime.add(listOf(), { ...attachment, containerId })
  await runtime.add(listOf({ name: 'other' }), attachment)
  calls = []
  const valid = [{ containerId: 'c2', ifName: 'eth0' }]
  assert.deepEqual(await runtime.gc(listOf(), valid), [
    { containerId: 'c1', ifName: 'eth0' },
    { containerId: 'c3', ifName: 'eth0' },
  ])
  assert.deepEqual(told(), [
    'portmap DEL',
    'bridge DEL',
    'portmap DEL',
    'bridge DEL',
    'bridge GC',
    'portmap GC',
  ])
  assert.deepEqual(inputOf(-1)['cni.dev/valid-attachments'], [{ containerID: 'c2', ifname: 'eth0' }])
  assert.deepEqual(inputOf(-1)['cni.dev/attachments'], inputOf(-1)['cni.dev/valid-attachments'])
  assert.deepEqual(Object.keys(calls.at(-1)?.variables ?? {}), ['CNI_COMMAND', 'CNI_PATH'])
  assert.deepEqual(kept(), ['other-c1-eth0', 'pods-c2-eth0'])
  calls = []
  answers
    .set('bridge DEL', failing({ code: 11, msg: 'later' }))
    .set('portmap GC', failing({ code: 4, msg: 'what?' }))
  await assert.rejects(runtime.gc(listOf(), []), {
    code: 'cni.runtime.gc',
    message: /2 calls failed: .*bridge refused DEL .*later; .*portmap refused GC .*what\?/,
  })
  assert.deepEqual(told().slice(-2), ['bridge GC', 'portmap GC'])
})

test('GC is not asked of old versions, and nothing is done where it is disabled', async () => {
  const old = listOf({ cniVersion: '1.0.0' })
  await runtime.add(old, attachment)
  calls = []
  assert.equal(await runtime.gc(listOf({ disableGC: 'true' }), []), undefined)
  assert.deepEqual(calls, [])
  await runtime.gc(old, [])
  assert.deepEqual(told(), ['portmap DEL', 'bridge DEL'])
})

test('STATUS stops at the first plugin that is not ready, and is not asked of old versions', async () => {
  assert.equal(await runtime.status(listOf()), true)
  assert.equal(await runtime.status(listOf({ cniVersion: '1.0.0' })), false)
  answers.set('bridge STATUS', failing({ code: 50, msg: 'not ready' }))
  calls = []
  await assert.rejects(runtime.status(listOf()), /code 50: not ready/)
  assert.deepEqual(told(), ['bridge STATUS'])
})

test('VERSION is asked of every plugin; one older than the command speaks 0.1.0', async () => {
  answers.set('bridge VERSION', { stdout: Buffer.from('{"supportedVersions":["0.4.0","1.0.0"]}') })
  answers.set('portmap VERSION', failing({ code: 100, msg: 'unknown CNI_COMMAND: VERSION' }))
  assert.deepEqual(await runtime.versions(listOf()), [
    { plugin: 'bridge', supportedVersions: ['0.4.0', '1.0.0'] },
    { plugin: 'portmap', supportedVersions: ['0.1.0'] },
  ])
  answers.set('bridge VERSION', failing({ code: 999, msg: 'broken' }))
  await assert.rejects(runtime.versions(listOf()), /code 999: broken/)
})
