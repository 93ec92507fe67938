import { type Clock, jsonLogger, type Logger, systemClock } from '../base/index.ts'
import { KubernetesStore, type Store } from '../store/index.ts'
import { PodCidrController } from './pod-cidr-controller.ts'

export interface RunControllerOptions {
  /** The API server's URL; not needed with a `store`. */
  readonly api?: string
  readonly tokenFile?: string
  readonly caFile?: string
  /** Instead of a connection made from the above. */
  readonly store?: Store
  readonly configName?: string
  readonly clock?: Clock
  readonly random?: () => number
  readonly log?: Logger
  /** With a signal the promise resolves only when it has fired and everything has stopped: a program's whole life. */
  readonly signal?: AbortSignal
}

export interface RunningController {
  stop(): Promise<void>
}

/** The program `podlace controller`: the cluster loops, today node IPAM. */
export async function runController(options: RunControllerOptions): Promise<RunningController> {
  const { clock = systemClock, random = Math.random, configName, signal } = options
  const log = options.log ?? jsonLogger('info', { program: 'controller' })
  const { store, close } = storeOf(options, clock, random)
  const controller = new PodCidrController({
    store,
    clock,
    random,
    log,
    ...(configName === undefined ? {} : { configName }),
  })
  controller.start()
  log.info('controller started', { api: options.api })
  const running = {
    async stop() {
      await controller.stop()
      close()
    },
  }
  if (signal !== undefined) {
    await new Promise<void>(resolve => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await running.stop()
  }
  return running
}

function storeOf(
  options: RunControllerOptions,
  clock: Clock,
  random: () => number,
): { store: Store; close(): void } {
  const { api = '', tokenFile, caFile } = options
  if (options.store !== undefined) return { store: options.store, close() {} }
  const store = new KubernetesStore({
    server: api,
    clock,
    random,
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(caFile === undefined ? {} : { caFile }),
  })
  return { store, close: () => store.close() }
}
