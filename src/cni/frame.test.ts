import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PodlaceError } from '../base/index.ts'
import { type CniRequest, decodeReply, decodeRequest, encodeReply, encodeRequest, FD_NAMES } from './frame.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

test('a request as the shim writes it', () => {
  const payload = bytes(
    'podlace-cni/2\0type=bridge\0fds=netns,route\0netns-error=ENOENT\0CNI_COMMAND=ADD\0CNI_ARGS=A=b;C=d\0\0{"x":1}',
  )
  const request = decodeRequest(payload)
  assert.deepEqual(request, {
    type: 'bridge',
    fds: ['netns', 'route'],
    netnsError: 'ENOENT',
    environment: new Map([
      ['CNI_COMMAND', 'ADD'],
      ['CNI_ARGS', 'A=b;C=d'],
    ]),
    stdin: bytes('{"x":1}'),
  })
  assert.deepEqual(new Uint8Array(encodeRequest(request)), payload)
})

const refused: readonly [what: string, payload: string, message: RegExp][] = [
  ['another version', 'podlace-cni/1\0type=x\0\0', /starts with "podlace-cni\/1".*of one release/],
  ['nothing', '', /no end of header/],
  ['no end of header', 'podlace-cni/2\0type=x\0', /no end of header/],
  ['no type', 'podlace-cni/2\0fds=\0\0', /type is missing/],
  ['an unknown descriptor', 'podlace-cni/2\0type=x\0fds=netns,door\0\0', /"door" is not one of netns/],
  ['a descriptor twice', 'podlace-cni/2\0type=x\0fds=netns,netns\0\0', /twice/],
  ['a key twice', 'podlace-cni/2\0type=x\0type=y\0\0', /"type" stands twice/],
  ['no pair', 'podlace-cni/2\0type\0\0', /"type" is not key=value/],
]

for (const [what, payload, message] of refused) {
  test(`refused: ${what}`, () =>
    assert.throws(() => decodeRequest(bytes(payload)), { code: 'cni.decode', message }))
}

const word = fc.string({ unit: fc.constantFrom('A', 'z', '=', ';', '/', '"', '0', 'é'), maxLength: 12 })

test('requests survive the way', () => {
  const request: fc.Arbitrary<CniRequest> = fc.record({
    type: fc.constantFrom('podlace', 'bridge'),
    fds: fc.subarray([...FD_NAMES]),
    environment: fc
      .dictionary(fc.constantFrom('CNI_COMMAND', 'CNI_ARGS', 'CNI_IFNAME'), word)
      .map(values => new Map(Object.entries(values))),
    stdin: fc.uint8Array({ maxLength: 64 }),
  })
  fc.assert(
    fc.property(request, value => {
      const back = decodeRequest(encodeRequest(value))
      assert.deepEqual({ ...back, stdin: [...back.stdin] }, { ...value, stdin: [...value.stdin] })
    }),
    { numRuns: 200 },
  )
})

test('any bytes give a request or an error of ours', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), noise => {
      try {
        decodeRequest(noise)
      } catch (error) {
        assert.ok(error instanceof PodlaceError)
      }
    }),
    { numRuns: 200 },
  )
})

test('a NUL in a value is refused, not sent', () => {
  const request = {
    type: 'x',
    fds: [],
    environment: new Map([['CNI_ARGS', 'a\0CNI_COMMAND=DEL']]),
    stdin: bytes(''),
  }
  assert.throws(() => encodeRequest(request), { code: 'cni.decode' })
})

test('a reply is an exit code and what to print', () => {
  const reply = decodeReply(encodeReply({ exitCode: 11, stdout: bytes('{}') }))
  assert.equal(reply.exitCode, 11)
  assert.deepEqual(reply.stdout, bytes('{}'))
  assert.throws(() => decodeReply(new Uint8Array()), { code: 'cni.decode' })
})
