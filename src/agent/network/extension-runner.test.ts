import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { ManualClock, settle, silentLogger } from '../../base/index.ts'
import { Graph, type Source } from '../../derive/index.ts'
import type { Command, OverlayEffect, SubnetEffect } from '../../overlay/index.ts'
import { ExtensionRunner } from './extension-runner.ts'

let effects: Source<OverlayEffect>
let clock: ManualClock
let runner: ExtensionRunner
let ran: string[]
let failing: Set<string>
let file: string
let outputs: number

const command = (program: string): Command => ({ program, args: [], environment: {}, input: 'data\n' })
const startup: OverlayEffect = { kind: 'startup', before: command('before'), after: command('after') }
const subnet = (name: string): SubnetEffect => ({
  kind: 'subnet',
  subnets: [name],
  add: command(`add ${name}`),
  remove: command(`remove ${name}`),
})

beforeEach(() => {
  effects = new Graph().source('effects')
  clock = new ManualClock()
  ran = []
  failing = new Set()
  file = ''
  outputs = 0
  start()
})
afterEach(() => runner.stop())

function start(bootId = 'boot-1'): void {
  runner = new ExtensionRunner({
    effects,
    run: async program => {
      ran.push(program)
      const exitCode = failing.has(program) ? 1 : 0
      return { exitCode, stdout: ` output of ${program}\n`, stderr: '' }
    },
    memory: { read: () => file, write: text => void (file = text) },
    bootId,
    onOutput: () => void (outputs += 1),
    clock,
    random: () => 0.5,
    log: silentLogger,
  })
}

async function rest(): Promise<string[]> {
  for (let n = 0; n < 10; n += 1) await settle()
  return ran.splice(0)
}

test('the programs of the start, then one for each peer that comes and goes', async () => {
  effects.set('a', subnet('a'))
  effects.set('startup', startup)
  assert.deepEqual((await rest()).toSorted(), ['add a', 'after', 'before'])
  assert.deepEqual([runner.preStartupOutput, outputs], ['output of before', 1])
  effects.set('b', subnet('b'))
  assert.deepEqual(await rest(), ['add b'])
  runner.release()
  effects.delete('a')
  assert.deepEqual(await rest(), ['remove a'])
})

test('one that fails is run again later, and keeps none of the others', async () => {
  failing.add('add a')
  effects.set('a', subnet('a'))
  effects.set('b', subnet('b'))
  assert.deepEqual((await rest()).toSorted().at(-1), 'add b')
  failing.clear()
  await clock.advance(60_000)
  assert.deepEqual(await rest(), ['add a'])
  await clock.advance(60_000)
  assert.deepEqual(await rest(), [])
})

test('no peer is told of before the program of the start succeeds', async () => {
  failing.add('before')
  effects.set('startup', startup)
  effects.set('a', subnet('a'))
  assert.deepEqual(new Set(await rest()), new Set(['before']))
  assert.equal(runner.preStartupOutput, undefined)
  failing.clear()
  await clock.advance(60_000)
  assert.deepEqual(await rest(), ['before', 'after', 'add a'])
})

test('the next process tells nobody again, and takes back who went meanwhile, but not before the plans are whole', async () => {
  effects.set('a', subnet('a'))
  effects.set('b', subnet('b'))
  await rest()
  runner.stop()
  effects.delete('b')
  start()
  effects.set('c', subnet('c'))
  assert.deepEqual(await rest(), ['add c'])
  runner.release()
  assert.deepEqual(await rest(), ['remove b'])
})

test('after its stop no further program starts', async () => {
  for (const name of ['a', 'b', 'c']) effects.set(name, subnet(name))
  while (ran.length === 0) await Promise.resolve()
  runner.stop()
  assert.deepEqual(await rest(), ['add a'])
})

test('a program that was cut off is run again; in another life of the machine all are', async () => {
  failing.add('add a')
  effects.set('a', subnet('a'))
  await rest()
  runner.stop()
  failing.clear()
  start()
  runner.release()
  assert.deepEqual(await rest(), ['add a'])
  runner.stop()
  start('boot-2')
  effects.set('b', subnet('b'))
  assert.deepEqual((await rest()).toSorted(), ['add a', 'add b'])
})

test('a peer that is told of in another way is taken back first', async () => {
  effects.set('a', subnet('a'))
  await rest()
  effects.set('a', { ...subnet('a'), add: command('add a anew') })
  assert.deepEqual(await rest(), ['remove a', 'add a anew'])
})
