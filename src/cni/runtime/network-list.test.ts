import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cniCodeOf } from '../errors.ts'
import { parseNetworkList, parsePlugin, parseSingleConfiguration } from './network-list.ts'

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const read = (value: unknown) => parseNetworkList(bytes(value), 'x.conflist')
const base = { cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'bridge', bridge: 'b0' }] }

test('a list is read, with the bytes it was made of', () => {
  const list = read(base)
  assert.deepEqual(list, {
    name: 'pods',
    cniVersion: '1.0.0',
    disableCheck: false,
    disableGc: false,
    loadOnlyInlinedPlugins: false,
    plugins: [{ type: 'bridge', capabilities: {}, raw: { type: 'bridge', bridge: 'b0' } }],
    bytes: bytes(base),
  })
})

test('switches are booleans or words', () => {
  for (const on of [true, 'true', 'True']) {
    const list = read({ ...base, disableCheck: on, disableGC: on, loadOnlyInlinedPlugins: on })
    assert.deepEqual([list.disableCheck, list.disableGc, list.loadOnlyInlinedPlugins], [true, true, true])
  }
  assert.equal(read({ ...base, disableGC: 'false' }).disableGc, false)
})

const versions: readonly [
  cniVersion: string | undefined,
  cniVersions: string[] | undefined,
  chosen: string,
][] = [
  [undefined, undefined, '0.1.0'],
  ['0.4.0', undefined, '0.4.0'],
  ['0.3.1', ['0.4.0', '1.1.0', '1.0.0'], '1.1.0'],
  ['1.1.0', ['0.4.0'], '1.1.0'],
  [undefined, ['1.0.0', '9.0.0'], '1.0.0'],
  ['9.0.0', ['0.4.0'], '0.4.0'],
]
for (const [cniVersion, cniVersions, chosen] of versions) {
  test(`of cniVersion ${cniVersion} and cniVersions ${cniVersions} it takes ${chosen}`, () => {
    const raw = { name: 'pods', plugins: base.plugins, cniVersion, cniVersions }
    assert.equal(read(raw).cniVersion, chosen)
  })
}

const refused: readonly [what: string, raw: unknown, code: number, message: RegExp][] = [
  ['no JSON', '{', 6, /x\.conflist is not JSON/],
  ['a list', '[]', 6, /not an object/],
  ['no name', { plugins: base.plugins }, 7, /name: missing/],
  ['a name that climbs', { ...base, name: '../x' }, 7, /name: must start with/],
  [
    'a type that is a path',
    { ...base, plugins: [{ type: '/bin/sh' }] },
    7,
    /plugins\.0\.type: must start with/,
  ],
  ['no type', { ...base, plugins: [{}] }, 7, /plugins\.0\.type: missing/],
  ['no plugins', { ...base, plugins: [] }, 7, /plugins: must name a plugin/],
  ['a version of the future', { ...base, cniVersion: '9.0.0' }, 1, /"9\.0\.0" is not spoken/],
  ['only versions of the future', { name: 'a', cniVersions: ['9.0.0'] }, 1, /"9\.0\.0" is not spoken/],
  ['a version that is none', { ...base, cniVersions: ['one'] }, 7, /three numbers/],
  ['a switch of another kind', { ...base, disableGC: 1 }, 7, /disableGC: Expected true or false/],
  [
    'capabilities of another kind',
    { ...base, plugins: [{ type: 'a', capabilities: ['mac'] }] },
    7,
    /capabilities/,
  ],
  ['nothing at all', { name: 'a', loadOnlyInlinedPlugins: true }, 7, /plugins is missing/],
  ['a prototype', '{"name":"a","plugins":[{"type":"a","__proto__":{}}]}', 7, /__proto__/],
  ['a number of the sky', '{"name":"a","x":1e999}', 7, /too large/],
  ['a well', `{"name":"a","x":${'['.repeat(70)}${']'.repeat(70)}}`, 7, /deeper than 64/],
]
for (const [what, raw, code, message] of refused) {
  test(`refused: ${what}`, () =>
    assert.throws(
      () => read(raw),
      error => {
        assert.equal(cniCodeOf(error), code)
        assert.match(String(error), message)
        return true
      },
    ))
}

test('a single configuration becomes a list of one, with the bytes libcni would make', () => {
  const single = { type: 'bridge', name: 'old', cniVersion: '0.4.0', bridge: 'a&b' }
  const list = parseSingleConfiguration(bytes(single), 'old.conf')
  assert.deepEqual([list.name, list.cniVersion, list.plugins[0]?.raw], ['old', '0.4.0', single])
  assert.equal(
    Buffer.from(list.bytes).toString(),
    '{"cniVersion":"0.4.0","name":"old","plugins":[{"bridge":"a\\u0026b","cniVersion":"0.4.0","name":"old","type":"bridge"}]}',
  )
  assert.throws(
    () => parseSingleConfiguration(bytes(base), 'list.conf'),
    /list\.conf is not valid: type: missing/,
  )
})

test('a plugin of its own file needs a type', () => {
  const raw = { type: 'a', constructor: 1 }
  assert.deepEqual(parsePlugin(bytes(raw), 'a.conf'), { type: 'a', capabilities: {}, raw })
  assert.throws(() => parsePlugin(bytes({}), 'a.conf'), /type: missing/)
})
