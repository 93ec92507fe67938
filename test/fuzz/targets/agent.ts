import { parseHostLocalConfig } from '../../../src/agent/addresses/host-local-config.ts'
import { Ipam } from '../../../src/agent/addresses/ipam.ts'
import { parseResolvConf } from '../../../src/agent/addresses/resolv-conf.ts'
import {
  type AddressRequest,
  type AddressSource,
  type Holder,
  type Lease,
  NO_LEASE,
} from '../../../src/agent/addresses/source.ts'
import { parseRecord } from '../../../src/agent/attachments/record.ts'
import { Calls } from '../../../src/agent/calls.ts'
import { parseAgentConfig } from '../../../src/agent/config.ts'
import { Journal, type JournalDisk } from '../../../src/agent/journal/index.ts'
import { decodeLines, encodeLine } from '../../../src/agent/journal/lines.ts'
import type { HostView } from '../../../src/agent/plugins/host-view.ts'
import { allPlugins } from '../../../src/agent/plugins/index.ts'
import type { PodNamespace } from '../../../src/agent/pod-namespace.ts'
import { NOTHING_ASIDE } from '../../../src/base/index.ts'
import { decodeRequest, type NetworkConfiguration, parseConfiguration } from '../../../src/cni/index.ts'
import { formatInterfaceAddress, parsePrefix } from '../../../src/ip/index.ts'
import { refuseOverlap, spansOf } from '../../../src/ipam/range.ts'
import { FakeKernel, type ObservedEntry } from '../../../src/kernel/index.ts'
import { target } from '../engine/target.ts'
import { bridgeConfiguration, cniRequest, prevResult, standardConfigurations } from './cni-inputs.ts'
import { json, NOT_JSON, textOf } from './input.ts'

/** What the agent reads: whole CNI calls, its journal, its configuration, and files that a configuration names. */

const callErrors = ['cni', 'attach', 'ip', 'ipam', 'overlay.subnet-env']
const subnetEnv =
  'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'
const BOOT_ID = 'boot-1'

const record = {
  type: 'bridge',
  netnsCookie: '7',
  wiring: { plan: 'bridge', spec: { containerId: 'c1', ifName: 'eth0', network: 'pods' } },
}
const journalRecords = [
  { format: 1, bootId: BOOT_ID },
  { op: 'intend', key: 'c1/eth0', value: record },
  { op: 'done', key: 'c1/eth0' },
  { op: 'forget', key: 'c1/eth0' },
]

export const agentTargets = [
  target({
    name: 'agent.cni-call',
    form: 'bytes',
    errors: callErrors,
    seeds: [
      cniRequest('bridge', {}),
      cniRequest(
        'flannel',
        {},
        { cniVersion: '0.3.1', name: 'n', type: 'flannel', delegate: { hairpinMode: true } },
      ),
      cniRequest('loopback', { CNI_IFNAME: 'lo' }, { name: 'l', type: 'loopback', prevResult }),
      cniRequest(
        'bridge',
        { CNI_COMMAND: 'GC' },
        { ...bridgeConfiguration, 'cni.dev/valid-attachments': [] },
      ),
      cniRequest('bridge', { CNI_COMMAND: 'VERSION' }),
      ...[...standardConfigurations].map(([type, configuration]) =>
        cniRequest(type, {}, { cniVersion: '1.1.0', name: 'n', type, prevResult, ...configuration }),
      ),
    ],
    decode: input => callsOf().handle(decodeRequest(input), pod),
  }),
  target({
    name: 'agent.cni-add',
    form: 'json',
    errors: callErrors,
    seeds: [
      JSON.stringify(bridgeConfiguration),
      '{"cniVersion":"0.1.0","name":"n","type":"bridge","args":{"cni":{"mac":"02:00:00:00:00:01"}}}',
    ],
    decode: input => callsOf().handle({ ...add, stdin: input }, pod),
  }),
  target({
    name: 'agent.host-local',
    form: 'json',
    errors: callErrors,
    seeds: [
      JSON.stringify(bridgeConfiguration),
      '{"name":"n","type":"t","runtimeConfig":{"ipRanges":[[{"subnet":"10.2.0.0/31"}]]},"ipam":{"subnet":"10.1.0.0/24","exclude":["10.1.0.4-10.1.0.9","10.1.0.64/26"],"sticky":true,"gateway":""}}',
    ],
    decode: input => {
      const { rangeSets, ...rest } = parseHostLocalConfig(parseConfiguration(input))
      refuseOverlap(rangeSets.flat())
      return { ...rest, spans: rangeSets.map(spansOf) }
    },
  }),
  target({
    name: 'agent.resolv-conf',
    form: 'text',
    errors: [],
    seeds: ['# x\nnameserver 10.0.0.2 ; first\nsearch a.example b.example\noptions ndots:5\ndomain c\n'],
    decode: input => parseResolvConf(textOf(input)),
  }),
  target({
    name: 'agent.journal',
    form: 'text',
    errors: ['agent.journal-corrupt'],
    seeds: [
      Buffer.concat(journalRecords.map(encodeLine)),
      Buffer.concat([...journalRecords.map(encodeLine), Buffer.alloc(64)]),
    ],
    decode: input => [decodeLines(input), openJournal(input)],
  }),
  target({
    name: 'agent.journal-records',
    form: 'json',
    errors: ['agent.journal-corrupt', NOT_JSON],
    seeds: [JSON.stringify(journalRecords)],
    decode: input => {
      const records = [json(input)].flat()
      return openJournal(Buffer.concat(records.map(encodeLine)))
    },
  }),
  target({
    name: 'agent.configuration',
    form: 'json',
    errors: ['agent.config', NOT_JSON],
    seeds: [
      '{"nodeName":"a","api":"http://10.0.0.10:6443","bridge":"cni0","addressCooldownSeconds":5,"logLevel":"info"}',
    ],
    decode: input => parseAgentConfig(json(input)),
  }),
]

const add = decodeRequest(cniRequest('bridge', {}))

const pod: PodNamespace = {
  fds: { netns: -1 },
  cookie: 7n,
  openKernel: () => new FakeKernel({ devices: ['eth0'] }),
}

const uplink: ObservedEntry = {
  entry: { kind: 'link', type: 'device', claim: 'use', name: 'eth0', owner: '', mtu: 1500 },
  mark: 'foreign',
}
const defaultRoute: ObservedEntry = {
  entry: { kind: 'route', dst: '0.0.0.0/0', table: 254, metric: 0, link: 'eth0', gateway: '192.0.2.1' },
  mark: 'foreign',
}
const hostView: HostView = {
  get: () => undefined,
  addressesOf: () => [],
  entries: () => [uplink, defaultRoute],
}

/** An agent that plans and answers, and wires nothing. */
function callsOf(): Calls {
  const host = { nodeName: 'node-1', hasIpv6: true, tunnelPorts: () => [8472] }
  const ipam = new Ipam(firstAddresses)
  return new Calls({
    attachments: {
      add: async (_name, _pod, prepare) => (await prepare(() => undefined)).result.plan.result,
      remove: async (_name, _pod, giveBack) => giveBack?.(),
      check: async () => [],
      collect: async () => undefined,
    },
    plugins: allPlugins({
      host,
      ipam,
      observed: async () => hostView,
      podNetwork: {
        addresses: staticAddresses([{ address: '10.1.0.2/24', gateway: '10.1.0.1' }]),
        network: () => ({ bridge: 'cni0', mtu: 1450 }),
      },
      readSubnetFile: () => subnetEnv,
      wiringOf: () => undefined,
      standsAlone: false,
      hardware: { pathOf: () => undefined, driverOf: () => undefined },
      iptablesFamilies: async () => [4, 6],
      portClaims: () => [],
      sysctlAllowlist: () => undefined,
    }),
    ipam,
    blocks: { lacks: () => undefined, names: () => '10.1.0.0/24' },
  })
}

/** Gives everybody the first address of each range set. */
function firstAddresses(config: NetworkConfiguration) {
  const { dataDir, rangeSets, routes } = parseHostLocalConfig(config)
  const first = (set: (typeof rangeSets)[number]) =>
    spansOf(set)
      .slice(0, 1)
      .map(({ range, family, first: value }) => ({
        address: formatInterfaceAddress({ family, value }, parsePrefix(range.prefix).length),
        ...(range.gateway === undefined ? {} : { gateway: range.gateway }),
      }))
  return {
    record: { source: 'host-local' as const, dataDir },
    ...staticAddresses(rangeSets.flatMap(first), routes),
  }
}

function staticAddresses(ips: Lease['ips'], routes: Lease['routes'] = []): AddressSource {
  return {
    allocate: async <T>(_holder: Holder, _request: AddressRequest, use: (lease: Lease) => T) => ({
      result: use({ ...NO_LEASE, ips, routes }),
      kept: NOTHING_ASIDE,
    }),
    release: async () => undefined,
    holds: async () => true,
    collect: async () => undefined,
    fault: async () => undefined,
  }
}

function openJournal(bytes: Uint8Array): unknown {
  const disk: JournalDisk = {
    name: 'journal',
    read: () => bytes,
    replace: () => undefined,
    write: () => undefined,
    sync: () => ({ isDone: () => true, done: Promise.resolve() }),
    setAside: () => 'copy',
    close: () => undefined,
  }
  const journal = new Journal({ disk, bootId: BOOT_ID, parse: parseRecord })
  return { records: journal.records(), notice: journal.notice }
}
