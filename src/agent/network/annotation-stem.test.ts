import assert from 'node:assert/strict'
import { test } from 'node:test'
import { annotationStem, nameInside, nameOutside } from './annotation-stem.ts'

const stems: readonly [prefix: string, stem: string | undefined][] = [
  ['flannel.alpha.coreos.com', 'flannel.alpha.coreos.com/'],
  ['flannel.alpha.coreos.com/', 'flannel.alpha.coreos.com/'],
  ['example.com/net', 'example.com/net-'],
  ['example.com/net-', 'example.com/net-'],
  ['example', undefined],
  ['example.com/a/b', undefined],
  ['Example.com', undefined],
  ['', undefined],
]

for (const [prefix, stem] of stems) {
  test(`names of the prefix "${prefix}" begin with ${stem ?? 'nothing that Kubernetes takes'}`, () =>
    assert.equal(annotationStem(prefix), stem))
}

test('a name goes in and comes out', () => {
  const inside = nameInside('example.com/net-', 'example.com/net-backend-type')
  assert.equal(inside, 'flannel.alpha.coreos.com/backend-type')
  assert.equal(nameOutside('example.com/net-', inside), 'example.com/net-backend-type')
  assert.equal(nameInside('example.com/net-', 'flannel.alpha.coreos.com/backend-type'), undefined)
})
