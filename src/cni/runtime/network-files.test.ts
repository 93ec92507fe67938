import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { NetworkFiles } from './network-files.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-networks-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function write(path: string, value: unknown): void {
  mkdirSync(join(directory, path, '..'), { recursive: true })
  writeFileSync(join(directory, path), typeof value === 'string' ? value : JSON.stringify(value))
}

const list = (name: string, ...types: string[]) => ({
  cniVersion: '1.1.0',
  name,
  plugins: types.map(type => ({ type })),
})
const types = (name: string) => new NetworkFiles(directory).load(name).plugins.map(({ type }) => type)

test('the first list of the name is taken, by file name; then single configurations', () => {
  write('20-b.conflist', list('pods', 'second'))
  write('10-a.conflist', list('other', 'other'))
  write('15-a.conflist', list('pods', 'first'))
  write('00.conf', { name: 'pods', type: 'single' })
  write('01.json', { name: 'old', type: 'json' })
  assert.deepEqual(types('pods'), ['first'])
  assert.deepEqual(types('old'), ['json'])
})

test('plugins of the directory of its name follow, unless only the inlined ones are wanted', () => {
  write('a.conflist', list('pods', 'bridge'))
  write('pods/20.conf', { type: 'tuning' })
  write('pods/10.conf', { type: 'portmap' })
  write('pods/readme.txt', 'no plugin')
  assert.deepEqual(types('pods'), ['bridge', 'portmap', 'tuning'])
  write('a.conflist', { ...list('pods', 'bridge'), loadOnlyInlinedPlugins: true })
  assert.deepEqual(types('pods'), ['bridge'])
  write('a.conflist', { name: 'pods' })
  assert.deepEqual(types('pods'), ['portmap', 'tuning'])
  rmSync(join(directory, 'pods'), { recursive: true })
  assert.throws(() => types('pods'), /network pods has no plugin: .*pods\/\*\.conf/)
})

test('a broken file hides no other, and is told of if the network is not found', () => {
  write('10.conflist', '{')
  write('20.conflist', list('pods', 'bridge'))
  mkdirSync(join(directory, '30.conflist'))
  assert.deepEqual(types('pods'), ['bridge'])
  assert.throws(() => types('x'), {
    message: /no network "x" in .*: there are pods; not readable: .*10\.conflist is not JSON/,
  })
})

test('a plugin file that is broken fails its network', () => {
  write('a.conflist', list('pods', 'bridge'))
  write('pods/10.conf', '{}')
  assert.throws(() => types('pods'), /type: missing/)
})

test('a directory that is not there has no networks', () => {
  assert.throws(() => new NetworkFiles(join(directory, 'none')).load('pods'), /no other network either/)
})

test('a file without end or bound is not read', () => {
  write('long.conflist', ' '.repeat((1 << 20) + 1))
  assert.throws(() => types('x'), /more than 1048576 bytes/)
})
