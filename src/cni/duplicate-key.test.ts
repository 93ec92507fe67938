import assert from 'node:assert/strict'
import { test } from 'node:test'
import { duplicateKey } from './duplicate-key.ts'

const cases: readonly [json: string, found: string | undefined][] = [
  ['{"sysctl":{"a":"1","b":"2","a":"3"}}', 'a'],
  ['{"args":{"cni":{"sysctl":{"a":1,"\\u0061":[2,{}]}}}}', 'a'],
  ['{"sysctl":{"a":"1","b":"a"},"a":{"sysctl":{"a":"\\"a\\":1,"}}}', undefined],
  ['{"a":1,"a":2,"sysctl":[{"a":1,"b":{"a":1}}],"x":"sysctl"}', undefined],
  ['{"sysctl":"x","y":{"a":1,"a":2}}', undefined],
  ['{"sysctl":{"b":{"a":1,"a":2},"c":[3],"b":1}}', 'b'],
]

for (const [json, found] of cases) {
  test(json, () => assert.equal(duplicateKey(json, 'sysctl'), found))
}
