/** The lab's parts that need no agent: namespaces, mounts, underlay, workload. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { silentLogger, systemClock } from '../../src/base/index.ts'
import { checkReport } from '../../src/lab/check.ts'
import { commandOutput, runCommand } from '../../src/lab/command.ts'
import { inside, netnsPath, startHolder } from '../../src/lab/holder.ts'
import { segment, segmentOf } from '../../src/lab/layout.ts'
import { nodeMountScript } from '../../src/lab/node-mounts.ts'
import { isAlive, type ProcessIdentity, signalProcess } from '../../src/lab/process-identity.ts'
import { plugIn, setPortForwarding, startUnderlay } from '../../src/lab/underlay.ts'
import { WorkloadClient } from '../../src/lab/workload/client.ts'
import { WorkloadServer } from '../../src/lab/workload/server.ts'

const env = { ...(process.env['PODLACE_TEST_RUN'] && { PODLACE_TEST_RUN: process.env['PODLACE_TEST_RUN'] }) }
const environment = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, ...env }

const countFds = () => readdirSync('/proc/self/fd').length

/** What is in the directories that a node has for its own. */
const look = () => ['/run', '/etc', '/opt', '/var/lib'].map(path => readdirSync(path).sort())

let directory = ''
let holders: ProcessIdentity[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-lab-'))
  holders = []
})
afterEach(() => {
  for (const holder of holders) signalProcess(holder, 'SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

async function hold(starting: Promise<ProcessIdentity>): Promise<ProcessIdentity> {
  const holder = await starting
  holders.push(holder)
  return holder
}

const shell = (holder: ProcessIdentity, script: string) =>
  commandOutput(script, [...inside(holder, 'net+mount'), 'sh', '-euc', script], { env: environment })

describe('a holder', () => {
  it('keeps a namespace without a name, in which lo is up, until it ends', async () => {
    const links = await commandOutput('list links', ['ip', '-oneline', 'link'])
    const holder = await hold(startHolder('test', { mounts: false, env: environment }))
    assert.match(await shell(holder, 'ip link show lo'), /UP/)
    assert.equal(await commandOutput('list links', ['ip', '-oneline', 'link']), links)
    signalProcess(holder, 'SIGKILL')
    while (isAlive(holder)) await new Promise(resolve => setTimeout(resolve, 5))
    assert.ok(!existsSync(netnsPath(holder)))
  })

  it('is not left over when its script fails', async () => {
    const starting = startHolder('test', { mounts: true, script: 'echo why >&2; false', env: environment })
    await assert.rejects(starting, /cannot make the namespace of test: it ended with 1: why/)
  })
})

const makeNode = async () => {
  const program = join(directory, 'program')
  mkdirSync(join(program, 'build'), { recursive: true })
  mkdirSync(join(directory, 'scratch'))
  writeFileSync(join(program, 'build', 'podlace-cni'), '#!/bin/sh\necho shim $0\n')
  writeFileSync(join(program, 'node'), '')
  const mounts = {
    programDirectory: program,
    nodeBinary: process.execPath,
    scratch: join(directory, 'scratch'),
  }
  const script = nodeMountScript(mounts)
  return hold(startHolder('node-1', { mounts: true, script, env: environment }))
}

describe("a node's mounts", () => {
  it('give the agent its directories, and everybody the program', async () => {
    const node = await makeNode()
    const asService = 'setpriv --reuid 64113 --regid 64113 --clear-groups'
    const touch = 'touch /run/podlace/x /var/lib/podlace/x /var/lib/cni/x /run/flannel/x'
    await shell(node, `${asService} sh -c '${touch}'`)
    assert.match(await shell(node, `${asService} /opt/podlace/node --version`), /^v\d/)
    for (const type of ['podlace', 'flannel', 'bridge', 'host-local', 'loopback'])
      assert.equal(await shell(node, `/opt/cni/bin/${type}`), `shim /opt/cni/bin/${type}\n`)
    const writes = await runCommand([...inside(node, 'net+mount'), 'touch', '/opt/podlace/dist'])
    assert.notEqual(writes.exitCode, 0)
  })

  it("change nothing in the machine's directories", async () => {
    const before = look()
    const node = await makeNode()
    await shell(node, 'touch /run/podlace-x /etc/podlace-x /opt/podlace-x /var/lib/podlace-x')
    assert.deepEqual(look(), before)
    assert.deepEqual(readdirSync(join(directory, 'scratch')), [])
  })
})

/** Three hosts on the underlay that the workload takes for pods. */
const start = async (segments: number) => {
  const underlay = await hold(startUnderlay(segments, environment))
  const socketPath = join(directory, 'workload.sock')
  const server = await WorkloadServer.listen({ socketPath, clock: systemClock, log: silentLogger })
  const client = await WorkloadClient.open(socketPath)
  for (const number of [1, 2, 3]) {
    const host = await hold(startHolder(`host ${number}`, { mounts: false, env: environment }))
    const at = segmentOf(number, segments)
    await plugIn(underlay, host, number, at)
    await client.addPod(`host-${number}`, netnsPath(host), at.gateway.replace('254', String(number)))
  }
  const check = async (timeoutMs: number) => {
    const cells = await client.matrix({
      protocols: ['icmp', 'tcp', 'udp'],
      samples: 1,
      retries: timeoutMs > 1_000 ? 2 : 0,
      timeoutMs,
    })
    return checkReport(['host-1', 'host-2', 'host-3'], cells)
  }
  const stop = () => {
    client.close()
    server.close()
  }
  return { underlay, client, check, stop }
}

describe('underlay and workload', () => {
  it('reach every host from every host, across the router too', async () => {
    for (const segments of [1, 2]) {
      const { check, stop } = await start(segments)
      try {
        assert.deepEqual(
          (await check(5_000)).pairs.filter(pair => pair.failures.length > 0),
          [],
        )
      } finally {
        stop()
      }
    }
  })

  it('notice a partition, count its losses, and see it heal', async () => {
    const { underlay, client, check, stop } = await start(1)
    try {
      assert.ok((await check(5_000)).ok)
      await setPortForwarding(underlay, 3, false)
      const report = await check(100)
      const failed = report.pairs.filter(pair => pair.failures.length > 0)
      assert.equal(failed.length, 4)
      assert.ok(failed.every(({ from, to }) => (from === 'host-3') !== (to === 'host-3')))
      const target = segment(1).gateway.replace('254', '3')
      const stream = await client.startStream('host-1', target, { intervalMs: 5, timeoutMs: 50 })
      await new Promise(resolve => setTimeout(resolve, 100))
      await setPortForwarding(underlay, 3, true)
      const { sent, lost } = await stream.stop()
      assert.ok(sent > 0 && lost > 0)
      assert.ok((await check(5_000)).ok)
    } finally {
      stop()
    }
  })

  it('lets a namespace go when its pod is removed', async () => {
    const { client, stop } = await start(1)
    try {
      const before = countFds()
      for (const name of ['host-1', 'host-2', 'host-3']) await client.removePod(name)
      assert.ok(countFds() < before - 15)
      await assert.rejects(
        client.startStream('host-1', '192.168.77.2', { intervalMs: 5, timeoutMs: 50 }),
        /no pod host-1 is served/,
      )
    } finally {
      stop()
    }
  })
})
