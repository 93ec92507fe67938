import { deleteAndWatch } from '../faults/delete-entry.ts'
import { type DemoStep, labOf } from './step.ts'

/** "Back within a second" is the promise; the figure says how much better it is. */
const PROMISED_MS = 1_000

export const deletedEntries: DemoStep = {
  name: 'deleted-entries',
  title: 'entries deleted by hand',
  async run(context) {
    const lab = labOf(context)
    const node = lab.node('node-1')
    const route = await deleteAndWatch(lab, node, 'route')
    const reports = [route]
    if (context.options.backend === 'vxlan') reports.push(await deleteAndWatch(lab, node, 'fdb'))
    const times = reports.map(report => `${Math.max(1, Math.round(report.backAfterMs))} ms`).join(' and ')
    const what = reports.length === 1 ? 'route' : 'route and FDB entry'
    return {
      ok: reports.every(report => report.backAfterMs < PROMISED_MS),
      headline: `${what} deleted by hand: back after ${times}`,
      details: reports.map(report => `${report.node}: ${report.what}`),
    }
  },
}
