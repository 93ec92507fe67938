/**
 * Our cluster in fake hosts, as it runs in production: API server, controller, and an agent on every node, none of them
 * root.
 */
import type { FakeHost } from './fake-host.ts'
import { installProgram, RUN, STATE, startDaemon, TOKEN } from './our-program.ts'
import type { Request, Requests } from './request.ts'

/** Only a failure takes that long; an emulated processor takes half a minute to start all. */
const WAIT_MS = 120_000

const ADMIN = `${RUN}/agent.sock`

export interface OurNode {
  readonly host: FakeHost
  readonly name: string
  /** Of its uplink. */
  readonly address: string
}

export interface OurCluster {
  /** API server and controller run on the first. */
  readonly nodes: readonly [OurNode, ...OurNode[]]
  /** `host:port` on the first node, at which all nodes reach the API server. */
  readonly api: string
  /** `spec` of the NetworkConfig. */
  readonly network: Readonly<Record<string, unknown>>
}

/** Resolves, with the process ids, when every agent says that it is ready. */
export async function startOurCluster({
  nodes,
  api,
  network,
}: OurCluster): Promise<{ readonly controller: number; readonly agents: readonly number[] }> {
  const control = nodes[0].host
  for (const { host } of nodes) await installProgram(host)
  await startDaemon(control, 'apiserver', ['--listen', api, '--data', `${STATE}/store.sqlite`])
  await waitFor(control, 'the API server to answer', api, '/api/v1/nodes')
  await askApi(control, api, [networkConfig(network), ...nodes.flatMap(nodeObject)])
  const controller = await startDaemon(control, 'controller', ['--api', `http://${api}`])
  const agents: number[] = []
  for (const node of nodes) agents.push(await startOurAgent(node, api))
  for (const node of nodes) await ourAgentReady(node)
  return { controller, agents }
}

/** Returns the agent's process id. */
export function startOurAgent({ host, name }: OurNode, api: string): Promise<number> {
  const args = [`--node-name=${name}`, `--api=http://${api}`, `--state-dir=${STATE}`, '--subnet-file=']
  return startDaemon(host, 'agent', [...args, '--log-level=warn'])
}

export function ourAgentReady({ host, name }: OurNode): Promise<void> {
  return waitFor(host, `the agent of ${name} to be ready`, ADMIN, '/readyz')
}

/** A page of the agent's admin socket. */
export async function askOurAgent({ host }: OurNode, path: string): Promise<string> {
  return success(await host.request(get(ADMIN, path)))
}

/**
 * Requests to the API server, in order, each of which must succeed; the last answer.
 *
 * @param options `pauseMs` between one answer and the next request
 */
export async function askApi(
  host: FakeHost,
  api: string,
  requests: readonly Request[],
  options: { readonly pauseMs?: number } = {},
): Promise<string> {
  return success(await host.request({ where: api, token: TOKEN, requests, pauseMs: options.pauseMs ?? 0 }))
}

function networkConfig(spec: OurCluster['network']): Request {
  const body = {
    apiVersion: 'podlace.dev/v1alpha1',
    kind: 'NetworkConfig',
    metadata: { name: 'default' },
    spec,
  }
  return { method: 'POST', path: '/apis/podlace.dev/v1alpha1/networkconfigs', body }
}

/** As the kubelet creates it: the address comes with the status. */
function nodeObject({ name, address }: OurNode): Request[] {
  const status = { addresses: [{ type: 'InternalIP', address }] }
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {}, status }
  return [
    { method: 'POST', path: '/api/v1/nodes', body: node },
    { method: 'PATCH', path: `/api/v1/nodes/${name}/status`, body: { status } },
  ]
}

function get(where: string, path: string): Requests {
  return { where, token: TOKEN, requests: [{ method: 'GET', path }], pauseMs: 0 }
}

function success(answer: string): string {
  if (/^2\d\d /.test(answer)) return answer.slice('200 '.length)
  throw new Error(`the answer was: ${answer.slice(0, 500)}`)
}

async function waitFor(host: FakeHost, what: string, where: string, path: string): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS
  let answer = ''
  while (performance.now() < deadlineMs) {
    answer = await host.request(get(where, path))
    if (answer.startsWith('200 ')) return
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  const logs = await host.commands([['sh', '-c', `tail -n 8 ${RUN}/*.log`]])
  throw new Error(`waited ${WAIT_MS / 1000} s for ${what}; last answer: ${answer.slice(0, 500)}\n${logs}`)
}
