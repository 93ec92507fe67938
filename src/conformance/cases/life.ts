import type { Attachment } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import { SPEC } from '../configs.ts'
import { expectError } from '../expect.ts'
import type { World } from '../world.ts'
import { expectNoLink } from './links.ts'

/** What DEL and CHECK are asked of every plugin alike. */

export interface LifeSubject {
  /** The plugin's, with which the ids of cases begin. */
  readonly type: string
  readonly needs: Needs
  readonly attach: (world: World) => Promise<Attachment>
}

export function deletesTwice({ type, needs, attach }: LifeSubject): ConformanceCase {
  return {
    id: `${type}.del.twice`,
    title: 'DEL twice: both succeed, and the first one leaves no interface',
    source: `${SPEC.del}: "idempotent"`,
    needs,
    async run(world) {
      const attachment = await attach(world)
      await attachment.mustDel()
      const { pod, options } = attachment
      await expectNoLink(`${options.ifname} in the container`, pod, options.ifname)
      await attachment.mustDel()
    },
  }
}

/** That nothing of the attachment remains on the host, the suite looks at after each case. */
export function deletesWithoutNamespace({ type, needs, attach }: LifeSubject): ConformanceCase {
  return {
    id: `${type}.del.no-namespace`,
    title: 'DEL after the namespace has gone succeeds and leaves nothing',
    source: SPEC.del,
    needs,
    async run(world) {
      const attachment = await attach(world)
      await attachment.pod.remove()
      await attachment.mustDel()
    },
  }
}

export function deletesWithoutResult({ type, needs, attach }: LifeSubject): ConformanceCase {
  return {
    id: `${type}.del.no-result`,
    title: 'DEL without prevResult leaves nothing either',
    source: SPEC.del,
    needs,
    async run(world) {
      const attachment = await attach(world)
      attachment.forgetResult()
      await attachment.mustDel()
    },
  }
}

export function checksWhole({ type, needs, attach }: LifeSubject): ConformanceCase {
  return {
    id: `${type}.check.whole`,
    title: 'CHECK of an attachment as ADD left it succeeds',
    source: SPEC.check,
    needs,
    async run(world) {
      const attachment = await attach(world)
      await attachment.mustCheck()
    },
  }
}

export function checksDeleted({ type, needs, attach }: LifeSubject): ConformanceCase {
  return {
    id: `${type}.check.deleted`,
    title: 'CHECK after DEL is an error',
    source: SPEC.check,
    needs,
    async run(world) {
      const attachment = await attach(world)
      await attachment.mustDel()
      expectError(await attachment.check())
    },
  }
}

/** Of a plugin that gives eth0 its address. */
export function checksAddress({ type, needs, attach }: LifeSubject): ConformanceCase {
  return {
    id: `${type}.check.address`,
    title: 'CHECK succeeds, and is an error when the address has gone',
    source: SPEC.check,
    needs,
    async run(world) {
      const attachment = await attach(world)
      await attachment.mustCheck()
      await attachment.pod.ip('address flush dev eth0')
      expectError(await attachment.check())
    },
  }
}
