import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routeOf } from './route.ts'

const told = (path: string) => {
  const route = routeOf(path)
  return route && [route.info.kind, route.namespace, route.name, route.status]
}

const cases: readonly (readonly [string, ReturnType<typeof told>])[] = [
  ['/api/v1/nodes', ['Node', undefined, undefined, false]],
  ['/api/v1/nodes/a.b', ['Node', undefined, 'a.b', false]],
  ['/api/v1/nodes/a/status', ['Node', undefined, 'a', true]],
  ['/api/v1/nodes/namespaces', ['Node', undefined, 'namespaces', false]],
  ['/api/v1/pods', ['Pod', undefined, undefined, false]],
  ['/api/v1/namespaces/x/pods', ['Pod', 'x', undefined, false]],
  ['/api/v1/namespaces/x/pods/a%2Fb', ['Pod', 'x', 'a/b', false]],
  ['/apis/podlace.dev/v1alpha1/podblocks/b/status', ['PodBlock', undefined, 'b', true]],
  ['/api/v1/pods/a', undefined],
  ['/api/v1/namespaces/x/nodes', undefined],
  ['/api/v1/namespaces/x', undefined],
  ['/api/v1/nodes/', undefined],
  ['/api/v1/nodes/a/scale', undefined],
  ['/api/v1/nodes/a/status/b', undefined],
  ['/apis/podlace.dev/v1alpha1/networkconfigs/c/status', undefined],
  ['/apis/v1/nodes', undefined],
  ['/api/podlace.dev/v1alpha1/podblocks', undefined],
  ['/api/v1/constructor', undefined],
  ['/api/v1/%zz', undefined],
  ['/', undefined],
  ['', undefined],
]

test('a path names a kind, a namespace and a name, or nothing', () => {
  for (const [path, expected] of cases) assert.deepEqual(told(path), expected, path)
})
