import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode, PodlaceError } from '../../../src/base/index.ts'
import { encodeMessage } from '../../../src/netlink/messages.ts'
import { Coverage } from './coverage.ts'
import { Dice } from './dice.ts'
import { type Found, Fuzzer } from './fuzzer.ts'
import { instrument } from './instrument.ts'
import { attributeMutator } from './mutate-attributes.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { jsonMutator } from './mutate-json.ts'
import { type Form, type Target, target } from './target.ts'

/** A fuzzer that finds nothing looks like one that does not work: here are decoders with a defect each. */

const refused = new PodlaceError('read', 'refused', { code: 'toy.refused' })
const refusal = () => refused

/** What the fuzzer finds in a function body that is given `input`, within so many executions. */
async function found(
  body: string,
  executions: number,
  form: Form = 'bytes',
  seed = 1,
): Promise<readonly Found[]> {
  const coverage = new Coverage()
  const { code, ...module } = instrument(`(input, refuse) => {${body}}`, 0)
  const make = new Function('$hit', '$same', '$spread', `return ${code}`)
  const decode: unknown = make(coverage.hit, coverage.same, coverage.spread)
  assert.ok(typeof decode === 'function')
  const toy: Target = target({
    name: 'toy',
    form,
    errors: ['toy'],
    seeds: ['{"a":[1]}'],
    decode: input => {
      const result: unknown = Reflect.apply(decode, undefined, [input, refusal])
      return result
    },
  })
  const modules = [{ url: '', firstEdge: 0, ...module }]
  const corpus = { inputs: [], crashes: [] }
  const fuzzer = new Fuzzer({ target: toy, coverage, modules, dice: new Dice(seed), corpus })
  await fuzzer.start()
  while (fuzzer.executions < executions && fuzzer.crashes.length === 0) await fuzzer.step()
  return fuzzer.crashes
}

const keys = async (...parameters: Parameters<typeof found>) =>
  (await found(...parameters)).map(one => one.key)

test('a defect behind five conditions is found, and its input made short', async () => {
  const body = `
    if (input[0] !== 0x50) throw refuse()
    if (input.length < 12) throw refuse()
    if (input[2] + input[3] * 256 !== 513) throw refuse()
    if (Buffer.from(input.subarray(4, 8)).toString() !== 'lace') throw refuse()
    if (input[8] > 200) null.x
    return input.length`
  const [crash] = await found(body, 300_000)
  assert.match(crash?.key ?? '', /^TypeError/)
  assert.equal(crash?.input.length, 12)
})

test('the same seed finds the same thing at the same time', async () => {
  const body = 'if (input[0] === 7) if (input[1] === 9) null.x; return 0'
  const [first] = await found(body, 100_000)
  assert.notEqual(first, undefined)
  assert.deepEqual(await found(body, 100_000), [first])
})

test('a loop without an end is stopped and told, whatever the decoder catches', async () => {
  const body = 'try { if (input[0] === 0x7b) while (true) input[0] } catch {} return 0'
  assert.deepEqual(await keys(body, 10), ['steps'])
})

test('work that grows faster than the input is told', async () => {
  const searched = `
    const seen = []
    for (const one of Array.isArray(input.a) ? input.a : []) if (!seen.some(other => other === one)) seen.push(one)
    return 0`
  const body = `try { input = JSON.parse(Buffer.from(input).toString()) ?? {} } catch { throw refuse() } ${searched}`
  assert.match(String(await keys(body, 20_000, 'json')), /^(growth|steps)$/)
  const copied = 'let all = []; for (const one of input) all = [...all, one]; return all.length'
  assert.match(String(await keys(copied, 20_000)), /^(growth|steps)$/)
  const plain = 'let sum = 0; for (const one of input) sum += one; return sum'
  assert.deepEqual(await keys(plain, 5_000), [])
})

test('an input that reaches a prototype is told', async () => {
  const read = 'let value; try { value = JSON.parse(Buffer.from(input).toString()) } catch { throw refuse() }'
  const assigned = `${read} const copy = {}; for (const key in Object(value)) copy[key] = value[key]; return copy`
  assert.deepEqual(await keys(assigned, 50_000, 'json'), ['prototype'])
  const merged = `${read}
    const walk = (into, from) => {
      for (const key of Object.keys(from)) {
        if (key === 'constructor') continue
        if (typeof from[key] === 'object' && from[key] !== null) walk((into[key] ??= {}), from[key])
        else into[key] = from[key]
      }
    }
    if (typeof value === 'object' && value !== null) try { walk({}, value) } catch { throw refuse() }
    return 0`
  assert.deepEqual(await keys(merged, 100_000, 'json'), ['prototype'])
  assert.equal(Object.keys(Object.prototype).length, 0)
})

test('a decoder and an encoder that disagree are told', async () => {
  const coverage = new Coverage()
  const toy = target({
    name: 'toy',
    form: 'text',
    errors: [],
    seeds: ['a'],
    decode: input => Buffer.from(input).toString('latin1'),
    encode: value => value.trim(),
  })
  const corpus = { inputs: [], crashes: [] }
  const fuzzer = new Fuzzer({ target: toy, coverage, modules: [], dice: new Dice(1), corpus })
  await fuzzer.start()
  for (let n = 0; n < 2_000; n += 1) await fuzzer.step()
  assert.match(fuzzer.crashes[0]?.message ?? '', /decoded, encoded and decoded again/)
})

test('what an input is made from stays as it is', () => {
  const dice = new Dice(1)
  const text = Buffer.from('{"a":[1,{"b":"c"}],"d":2}')
  const message = encodeMessage({
    type: 24,
    flags: 0,
    sequence: 1,
    body: Buffer.alloc(40, Buffer.of(8, 0, 1, 0)),
  })
  for (const mutate of [mutateBytes, jsonMutator(), attributeMutator()]) {
    for (const parent of [text, Buffer.from(message)]) {
      const before = parent.toString('hex')
      for (let n = 0; n < 2_000; n += 1)
        mutate(parent, { dice, dictionary: [Buffer.from('word')], other: text })
      assert.equal(parent.toString('hex'), before)
    }
  }
})

test('refusals by a declared code are no defect', async () => {
  assert.deepEqual(await keys('throw refuse()', 1_000), [])
  assert.ok(hasCode(refusal(), 'toy'))
})
