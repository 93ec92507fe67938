import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseDevice, type HostDevice, planHostDevice } from './host-device.ts'
import { parseHostDeviceConfig, type WantedDevice } from './host-device-config.ts'
import type { AttachmentSpec } from './plan.ts'
import { attachmentSpec } from './testing.ts'

const bus = '/sys/devices/pci0000:00/0000:00:03.0'
const devices: readonly HostDevice[] = [
  { name: 'lo', mtu: 65_536, mac: '00:00:00:00:00:00' },
  { name: 'ens3', mtu: 1500, mac: '02:00:00:00:00:03', path: `${bus}/virtio0` },
  { name: 'ens4', mtu: 9000, mac: '02:00:00:00:00:04', path: '/sys/devices/pci0000:00/0000:00:04.0' },
  { name: 'p0sf1', mtu: 1500, mac: '02:00:00:00:00:05', path: `${bus}/mlx5_core.sf.2` },
]

const chosen: readonly [config: object, name: string][] = [
  [{ device: 'ens3' }, 'ens3'],
  [{ hwaddr: '02:00:00:00:00:04' }, 'ens4'],
  [{ hwaddr: '02:00:00:00:00:04', pciBusID: '0000:00:03.0' }, 'ens4'],
  [{ kernelpath: '/sys/devices/pci0000:00/0000:00:04.0/' }, 'ens4'],
  [{ pciBusID: '0000:00:04.0' }, 'ens4'],
  [{ pciBusID: '0000:00:03.0' }, 'ens3'],
  [{ pciBusID: '0000:00:04.0', runtimeConfig: { deviceID: '0000:00:03.0' } }, 'ens3'],
  [{ runtimeConfig: { deviceID: 'mlx5_core.sf.2' } }, 'p0sf1'],
  [{ device: '', pciBusID: '', hwaddr: '02:00:00:00:00:04' }, 'ens4'],
]

for (const [config, name] of chosen) {
  test(`${JSON.stringify(config)} is ${name}`, () => {
    const device = chooseDevice(parseHostDeviceConfig(config).wanted, devices)
    assert.ok(device !== 'in-user-space')
    assert.equal(device.name, name)
  })
}

const missing: readonly [wanted: WantedDevice, message: RegExp][] = [
  [{ by: 'name', name: 'ens9' }, /no device of name ens9/],
  [{ by: 'mac', mac: '02:00:00:00:00:99' }, /no device of mac 02:00:00:00:00:99/],
  [{ by: 'path', path: '/sys/devices/x' }, /no device of path/],
  [{ by: 'bus', id: '00:03.0' }, /no device of bus address 00:03\.0/],
]

for (const [wanted, message] of missing) {
  test(`there is none by ${wanted.by}`, () =>
    assert.throws(() => chooseDevice(wanted, devices), { code: 'attach.invalid-configuration', message }))
}

test('a device that a program drives has no interface', () => {
  const { wanted } = parseHostDeviceConfig({ pciBusID: '0000:00:05.0' })
  assert.equal(chooseDevice(wanted, devices, 'vfio-pci'), 'in-user-space')
  assert.throws(() => chooseDevice(wanted, devices, 'virtio_net'), { code: 'attach.invalid-configuration' })
})

const spec: AttachmentSpec = {
  ...attachmentSpec,
  network: 'lan',
  ifName: 'net1',
  ips: [{ address: '192.168.7.9/24' }],
}
const config = parseHostDeviceConfig({ device: 'ens4', dns: { domain: 'x' } })

test('the device moves in under the pod’s name, and DEL gives it back', () => {
  const [, , device] = devices
  assert.ok(device !== undefined)
  const { pod, podOnDelete, result } = planHostDevice({ ...spec, config, device })
  const link = pod.find(entry => entry.kind === 'link' && entry.name === 'net1')
  assert.deepEqual(link, {
    kind: 'link',
    type: 'device',
    claim: 'own',
    name: 'net1',
    owner: 'container c1 net1',
    up: true,
    movedFrom: { netns: 'host', name: 'ens4' },
  })
  assert.deepEqual(podOnDelete?.remove, [link])
  assert.deepEqual(result.interfaces, [
    { name: 'net1', mac: '02:00:00:00:00:04', mtu: 9000, sandbox: '/run/netns/web-1' },
  ])
})

test('without an interface the result tells the addresses, and nothing is done', () => {
  assert.deepEqual(planHostDevice({ ...spec, config, device: 'in-user-space' }), {
    pod: [],
    host: [],
    shared: [],
    displaced: [],
    result: { interfaces: [], ips: spec.ips, routes: [], dns: { domain: 'x' } },
  })
})

const refused: readonly [config: object, message: RegExp][] = [
  [{}, /needs one of device, hwaddr/],
  [{ hwaddr: 'x' }, /hwaddr "x" is not a MAC/],
  [{ kernelpath: '/sys/class/net/ens3' }, /kernelpath: not an absolute path below/],
  [{ pciBusID: '../x' }, /pciBusID: not the address/],
  [{ device: 'a/b' }, /device: not the name/],
]

for (const [config, message] of refused) {
  test(`refused: ${JSON.stringify(config)}`, () =>
    assert.throws(() => parseHostDeviceConfig(config), { code: 'attach.invalid-configuration', message }))
}
