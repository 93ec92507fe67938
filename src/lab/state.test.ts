import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { hasCode } from '../base/index.ts'
import { makeDirectory } from '../sys/index.ts'
import { labPaths } from './layout.ts'
import { DEFAULT_SETTINGS } from './settings.ts'
import { type LabState, listLabs, parseState, processOf, readState, StateFile } from './state.ts'

const NEW: LabState = {
  version: 1,
  bootId: 'boot',
  createdAt: '2026-01-01T00:00:00.000Z',
  phase: 'building',
  settings: { ...DEFAULT_SETTINGS, name: 'x' },
  processes: [],
  nodes: [],
  pods: [],
}

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'podlace-state-'))
  makeDirectory(labPaths(root, 'x').directory)
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('StateFile', () => {
  it('has on disk what it has in memory, after every change', () => {
    const file = StateFile.create(labPaths(root, 'x').state, NEW)
    assert.deepEqual(readState(root, 'x'), NEW)
    file.setProcess('agent node-1', { pid: 7, startTicks: 1 })
    file.setProcess('agent node-1', { pid: 8, startTicks: 2 })
    file.setPod({ name: 'web-1', node: 'node-1', containerId: 'c', netns: '/run/netns/web-1', addresses: [] })
    file.setPod({
      name: 'web-1',
      node: 'node-1',
      containerId: 'c',
      netns: '/run/netns/web-1',
      addresses: ['10.244.1.2'],
    })
    const state = readState(root, 'x')
    assert.deepEqual(state, file.state)
    assert.ok(state !== undefined)
    assert.equal(processOf(state, 'agent node-1')?.pid, 8)
    assert.deepEqual(
      state.pods.map(pod => pod.addresses),
      [['10.244.1.2']],
    )
    file.removePod('web-1')
    file.setProcess('agent node-1', undefined)
    assert.deepEqual(readState(root, 'x'), NEW)
  })

  it('leaves no other file behind', () => {
    StateFile.create(labPaths(root, 'x').state, NEW).update({ phase: 'up' })
    assert.deepEqual(readdirSync(labPaths(root, 'x').directory), ['state.json'])
  })
})

describe('readState', () => {
  it('finds no lab where there is none', () => assert.equal(readState(root, 'y'), undefined))

  it('names the file and what is wrong with it', () => {
    const { state: path } = labPaths(root, 'x')
    writeFileSync(path, readFileSync(import.meta.filename))
    const damaged = (error: unknown) => hasCode(error, 'lab.state-corrupt') && error.message.includes(path)
    assert.throws(() => readState(root, 'x'), damaged)
    assert.throws(() => parseState(path, JSON.stringify({ ...NEW, version: 2 })), /version/)
    assert.throws(() => parseState(path, JSON.stringify({ ...NEW, nodes: [{}] })), /nodes\.0\.name/)
    assert.throws(() => parseState(path, 'null'), damaged)
  })
})

describe('listLabs', () => {
  it('lists directories only, and nothing where there is no root', () => {
    writeFileSync(join(root, '.x.lock'), '')
    assert.deepEqual(listLabs(root), ['x'])
    assert.deepEqual(listLabs(join(root, 'nowhere')), [])
  })
})
