import type { FakeHost } from './fake-host.ts'

/** Resident memory of a process in megabytes (10^6 bytes). */
export async function residentMegabytes(host: FakeHost, pid: number): Promise<number> {
  const status = await host.commands([['cat', `/proc/${pid}/status`]])
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6
}
