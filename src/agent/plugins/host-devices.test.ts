import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostDeviceConfig } from '../../attach/index.ts'
import type { ObservedEntry } from '../../kernel/index.ts'
import { deviceToMove } from './host-devices.ts'

const PATHS = new Map([['ens3', '/sys/devices/pci0000:00/0000:00:03.0/virtio0']])

const link = (name: string, mac: string): ObservedEntry => ({
  entry: { kind: 'link', type: 'device', claim: 'own', owner: 'x', name, mac, mtu: 1500 },
  mark: 'foreign',
})

/** What a configuration means, and which devices /sys was asked about for it. */
function choose(config: object) {
  const asked: string[] = []
  const host = { entries: () => [link('ens3', '02:00:00:00:00:03'), link('ens4', '02:00:00:00:00:04')] }
  const hardware = {
    pathOf: (name: string) => {
      asked.push(name)
      return PATHS.get(name)
    },
    driverOf: (busId: string) => {
      asked.push(busId)
      return busId === '0000:00:09.0' ? 'vfio-pci' : 'virtio_net'
    },
  }
  const device = deviceToMove(parseHostDeviceConfig(config), host, hardware)
  return { name: device === 'in-user-space' ? device : device.name, asked }
}

test('a device that is named, or known by its MAC, is found without /sys', () => {
  assert.deepEqual(choose({ device: 'ens4' }), { name: 'ens4', asked: [] })
  assert.deepEqual(choose({ hwaddr: '02:00:00:00:00:03' }), { name: 'ens3', asked: [] })
  assert.throws(() => choose({ device: 'ens9' }), { code: 'attach.invalid-configuration' })
})

test('by its place in the machine it is found with what /sys tells', () => {
  assert.equal(choose({ kernelpath: PATHS.get('ens3') }).name, 'ens3')
  assert.equal(choose({ pciBusID: '0000:00:03.0' }).name, 'ens3')
  assert.equal(choose({ pciBusID: '0000:00:09.0' }).name, 'in-user-space')
})
