import type { FakeHost } from './fake-host.ts'

/** Resident memory of a process in megabytes (10^6 bytes). */
export function residentMegabytes(host: FakeHost, pid: number): Promise<number> {
  return megabytes(host, pid, 'VmRSS')
}

/** The most that it ever had. */
export function peakMegabytes(host: FakeHost, pid: number): Promise<number> {
  return megabytes(host, pid, 'VmHWM')
}

async function megabytes(host: FakeHost, pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await host.commands([['cat', `/proc/${pid}/status`]])
  return (Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024) / 1e6
}
