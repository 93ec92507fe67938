import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cniErrorReply } from './errors.ts'
import { parseParameters } from './parameters.ts'

const ADD = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/web-1',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin:/usr/lib/cni',
}

const read = (env: Record<string, string>) => parseParameters(new Map(Object.entries(env)))

test('a call of a Kubernetes runtime', () => {
  const parameters = read({
    ...ADD,
    CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-1;K8S_POD_UID=a-b;Other=x=y',
  })
  assert.deepEqual(parameters, {
    command: 'ADD',
    containerId: 'c1',
    ifName: 'eth0',
    netns: '/run/netns/web-1',
    args: new Map([
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAMESPACE', 'default'],
      ['K8S_POD_NAME', 'web-1'],
      ['K8S_POD_UID', 'a-b'],
      ['Other', 'x=y'],
    ]),
    pod: { namespace: 'default', name: 'web-1', uid: 'a-b' },
    path: ['/opt/cni/bin', '/usr/lib/cni'],
    netnsOverride: false,
  })
})

test('a name without a namespace, as podman gives its container, is no pod', () => {
  assert.equal(read({ ...ADD, CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=quirky_tesla' }).pod, undefined)
})

const accepted: readonly [what: string, env: Record<string, string>][] = [
  [
    'DEL without a namespace',
    { CNI_COMMAND: 'DEL', CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0', CNI_NETNS: '' },
  ],
  ['GC names no container', { CNI_COMMAND: 'GC', CNI_PATH: '/opt/cni/bin' }],
  ['STATUS names no container', { CNI_COMMAND: 'STATUS' }],
  ['VERSION needs nothing', { CNI_COMMAND: 'VERSION' }],
  ['a name of 15 bytes', { ...ADD, CNI_IFNAME: 'abcdefghijklmno' }],
  ['unknown arguments that may be ignored', { ...ADD, CNI_ARGS: 'Colour=red;IgnoreUnknown=true' }],
  ['arguments with a trailing separator', { ...ADD, CNI_ARGS: 'IP=10.1.2.3;' }],
]

for (const [what, env] of accepted)
  test(`accepted: ${what}`, () => assert.equal(read(env).command, env['CNI_COMMAND']))

const refused: readonly [what: string, env: Record<string, string>, message: RegExp][] = [
  ['no command', {}, /CNI_COMMAND is not set: it must be one of ADD, DEL/],
  ['command FOO', { ...ADD, CNI_COMMAND: 'FOO' }, /CNI_COMMAND is "FOO"/],
  ['id a/b', { ...ADD, CNI_CONTAINERID: 'a/b' }, /CNI_CONTAINERID "a\/b"/],
  ['id that starts with a dot', { ...ADD, CNI_CONTAINERID: '..' }, /CNI_CONTAINERID/],
  ['empty id', { ...ADD, CNI_CONTAINERID: '' }, /ADD needs the environment variables CNI_CONTAINERID/],
  [
    '19 bytes of interface name',
    { ...ADD, CNI_IFNAME: 'abcdefghijklmnopqrs' },
    /it has 19 bytes, at most 15/,
  ],
  ['a slash in the interface name', { ...ADD, CNI_IFNAME: '../eth0' }, /CNI_IFNAME "..\/eth0"/],
  ['interface name ..', { ...ADD, CNI_IFNAME: '..' }, /names a directory/],
  ['a line end in the interface name', { ...ADD, CNI_IFNAME: 'eth\n0' }, /white space/],
  ['no namespace on ADD', { ...ADD, CNI_NETNS: '' }, /ADD needs the environment variables CNI_NETNS/],
  ['no namespace on CHECK', { ...ADD, CNI_COMMAND: 'CHECK', CNI_NETNS: '' }, /CHECK needs .* CNI_NETNS/],
  ['unknown arguments', { ...ADD, CNI_ARGS: 'Colour=red' }, /unknown keys Colour: .*IgnoreUnknown=1/],
  ['arguments that are no pairs', { ...ADD, CNI_ARGS: 'MAC' }, /"MAC", which is not KEY=VALUE/],
  [
    'a pod name that breaks out',
    { ...ADD, CNI_ARGS: 'K8S_POD_NAME=web\u202e1;K8S_POD_NAMESPACE=default' },
    /is no Kubernetes name/,
  ],
]

for (const [what, env, message] of refused) {
  test(`refused with code 4: ${what}`, () => {
    const reply = cniErrorReply(catchError(() => read(env)))
    assert.equal(reply.code, 4)
    assert.match(reply.msg, message)
  })
}

function catchError(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
