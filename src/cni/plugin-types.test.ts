import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { PLUGIN_TYPES } from './plugin-types.ts'

test('the documentation names every type', () => {
  const page = readFileSync(new URL('../../docs/cni.md', import.meta.url), 'utf8')
  const [, section = ''] = page.split('\n## Installing\n')
  assert.match(section, new RegExp(PLUGIN_TYPES.map(type => `\`${type}\``).join(',?\\s(and\\s)?')))
})
