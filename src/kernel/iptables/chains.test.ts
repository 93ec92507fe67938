import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProgramEnd } from '../../sys/index.ts'
import { type IptablesChainEntry, iptablesRule } from '../entry.ts'
import type { KernelEvent, Operation } from '../operation.ts'
import { Chains } from './chains.ts'

const chain = (name: string, ...rule: string[]): IptablesChainEntry => ({
  kind: 'iptables-chain',
  family: 4,
  table: 'nat',
  name: `PODLACE-${name}`,
  rules: [iptablesRule('test', ...rule, '-j', 'ACCEPT')],
  jumps: [],
})
const create = (entry: IptablesChainEntry): Operation => ({ op: 'create', entry, why: 'missing' })
const done: ProgramEnd = { exitCode: 0, stdout: '', stderr: '' }

const nothing = () => {}

/** A table whose programs answer as told; what they were given is remembered. */
function tableWith(answer: (program: string, input: string) => ProgramEnd) {
  const runs: string[] = []
  const events: KernelEvent[] = []
  let catchUp = nothing
  const table = new Chains({
    family: 4,
    run: async (program, _args, input) => {
      runs.push(program)
      return answer(program, input)
    },
    emit: event => events.push(event),
    catchUp: async () => catchUp(),
  })
  return { table, runs, events, onCatchUp: (told: () => void) => (catchUp = told) }
}

test('many chains are one process', async () => {
  const { table, runs, events } = tableWith(() => done)
  const failures = await table.apply(['A', 'B', 'C'].map(name => create(chain(name))))
  assert.equal(failures.size, 0)
  assert.deepEqual(runs, ['iptables-restore'])
  assert.deepEqual(
    events.map(({ event }) => event),
    ['set', 'set', 'set'],
  )
})

test('two tables are two processes, since what is committed in one stays when the other is refused', async () => {
  const { table, runs } = tableWith((_, input) =>
    input.includes('*filter') ? { exitCode: 2, stdout: '', stderr: 'no such table' } : done,
  )
  const filtered: IptablesChainEntry = {
    ...chain('F'),
    table: 'filter',
    jumps: [{ from: 'FORWARD', rule: iptablesRule('test', '-j', 'PODLACE-F') }],
  }
  const operations = [create(filtered), create(chain('N'))]
  const failures = await table.apply(operations)
  assert.deepEqual(
    operations.map(operation => failures.get(operation)?.code),
    ['kernel.refused', undefined],
  )
  assert.deepEqual(runs.slice(0, 2), ['iptables-restore', 'iptables-restore'])
})

test('one that is refused, or cannot be asked, does not stop the others', async () => {
  const { table, events } = tableWith((_, input) =>
    input.includes('PODLACE-BAD') ? { exitCode: 2, stdout: '', stderr: 'no such thing\nmore' } : done,
  )
  const operations = [chain('A'), chain('BAD'), chain('C'), chain('D', '-s', 'a\nb')].map(create)
  const failures = await table.apply(operations)
  assert.deepEqual(
    operations.map(operation => failures.get(operation)?.code),
    [undefined, 'kernel.refused', undefined, 'kernel.invalid'],
  )
  assert.match(failures.get(operations[1] ?? create(chain('')))?.message ?? '', /refused: no such thing$/)
  assert.deepEqual(
    events.map(({ event }) => event),
    ['set', 'gone', 'set', 'gone'],
  )
})

test('where iptables is missing, it is asked once for all', async () => {
  const { table, runs } = tableWith(program => {
    throw new Error(`there is no ${program}`)
  })
  const operations = ['A', 'B', 'C'].map(name => create(chain(name)))
  const failures = await table.apply(operations)
  assert.deepEqual(
    operations.map(operation => failures.get(operation)?.code),
    ['kernel.unsupported', 'kernel.unsupported', 'kernel.unsupported'],
  )
  assert.deepEqual(runs, ['iptables-restore', 'iptables-restore'])
  assert.match((await table.fault()) ?? '', /iptables-restore cannot be run: there is no iptables-restore/)
})

test('what was known stays known while nothing can be seen', async () => {
  let works = true
  const { table } = tableWith(() => (works ? done : { exitCode: 4, stdout: '', stderr: 'Permission denied' }))
  await table.apply([create(chain('A'))])
  works = false
  assert.equal((await table.observe(true)).length, 1)
})

test('who has no chains and wants none looks once', async () => {
  const { table, runs } = tableWith(() => done)
  await table.observe(false)
  await table.observe(false)
  table.touched()
  assert.deepEqual(runs, ['iptables-save'])
})

test('its own transactions are nothing to look at; those of others between them are', async () => {
  const { table, runs, events, onCatchUp } = tableWith(() => done)
  onCatchUp(() => table.touched())
  await table.apply([create(chain('A'))])
  assert.deepEqual(runs, ['iptables-restore'])
  onCatchUp(() => {
    table.touched()
    table.touched()
  })
  await table.apply([create(chain('B'))])
  assert.deepEqual(runs, ['iptables-restore', 'iptables-restore', 'iptables-save'])
  // The other program has removed both.
  assert.deepEqual(events.at(-1), {
    event: 'replace',
    scope: { kind: 'iptables-chain', family: 4 },
    entries: [],
  })
})

test('whether it can be used is found out once', async () => {
  let answer: ProgramEnd = { exitCode: 4, stdout: '', stderr: "Fatal: can't open lock file" }
  const { table, runs } = tableWith(() => answer)
  assert.equal(await table.fault(), "iptables-restore refused: Fatal: can't open lock file")
  answer = done
  assert.equal(await table.fault(), undefined)
  assert.equal(await table.fault(), undefined)
  assert.equal(runs.length, 2)
})
