// A task as what its tile shows: words, and how it is said. Never here: elements (see `tiles.js`).

import { ending, isStopped, pulledFor, runs, scheduleOf, shortId } from "./reduce.js"
import { age, number, plain, t } from "./words.js"

const FRESH_SECONDS = 8

const revisionOf = (task, service) => (service.deployments.length > 1 ? task.taskDefinition : "")

function healthOf(task, target) {
  if (target) return t(`health.${target.state}`)
  return task.healthStatus && task.healthStatus !== "UNKNOWN" ? t(`health.${task.healthStatus.toLowerCase()}`) : ""
}

export class Views {
  /** `page` has state, now(), isSure(), language; `sent` the ARNs whose kill was asked for and not answered yet. */
  constructor(page, sent) {
    this.page = page
    this.sent = sent
    this.made = new Map() // by ARN: what it was made from, and the view
  }

  /** Of tasks that are no more. */
  forget() {
    for (const arn of this.made.keys()) if (!this.page.state.tasks.has(arn)) this.made.delete(arn)
  }

  /** The view of a task, made anew only when something of it has changed; `isSmall` leaves out what no small tile shows. */
  of(task, service, share, isSmall) {
    const { page, sent } = this
    const { killed, health } = page.state
    const since = page.now() - (task.startedAt ?? task.createdAt)
    const age_ = isSmall || isStopped(task) ? 0 : Math.floor(since)
    const from = `${page.state.pulling.has(task.arn)} ${task.startedBy} ${task.lastStatus} ${task.exitCode} ${task.stopCode} ${task.taskDefinition} ${task.fills} ${task.healthStatus} ${health.get(task.arn)?.state} ${killed.has(task.arn)} ${sent.has(task.arn)} ${service?.deployments.length} ${share?.percent} ${share?.failed} ${age_} ${isSmall && since < FRESH_SECONDS} ${page.isSure()}`
    const known = this.made.get(task.arn)
    if (known?.from === from) return known.view
    const view = this.viewed(task, service, share, since, isSmall)
    this.made.set(task.arn, { from, view })
    return view
  }

  viewed(task, service, share, since, isSmall) {
    const { page, sent } = this
    const { killed, health } = page.state
    const id = shortId(task.arn)
    const name = service ? service.name : ""
    const dead = isStopped(task)
    const end = dead ? ending(task, killed) : ""
    const isHit = !dead && (killed.has(task.arn) || sent.has(task.arn))
    const state = dead ? end : isHit ? "killed" : task.lastStatus === "RUNNING" ? "running" : runs(task) ? "stopping" : "pending"
    const sound = dead || !runs(task) ? "" : healthOf(task, health.get(task.arn))
    const image = isHit ? "" : pulledFor(task, page.state.pulling)
    const word = dead ? t(`end.${end}`) : isHit ? t("status.KILLED") : t(`status.${image ? "PULLING" : task.lastStatus}`)
    const exit = dead && task.exitCode !== null ? t("tile.exit", { code: task.exitCode }) : ""
    const isNew = Boolean(task.fills) && task.lastStatus === "RUNNING" && since < FRESH_SECONDS
    const detail = [image ? t("tile.pulling", { image }) : "", exit, sound, !dead && !isSmall && task.startedAt ? age(since) : "", isNew ? t("tile.new") : ""].filter(Boolean).join(" · ")
    const by = scheduleOf(task) ? t("tile.schedule", { schedule: scheduleOf(task) }) : ""
    const what = service ? revisionOf(task, service) : [task.taskDefinition, by].filter(Boolean).join(" · ")
    const why = dead ? [service ? "" : what, plain(task.stoppedReason || task.stopCode)].filter(Boolean).join(": ") : task.fills ? t("tile.fills", { task: shortId(task.fills) }) : what
    const said = { by, task: id, service: name, status: word.toLocaleLowerCase(page.language), health: sound, exit, reason: plain(task.stoppedReason) }
    const key = `label.${dead ? "gone" : "kill"}.${service ? "service" : "standalone"}`
    const label = t(key, said).replace(/(, )+/g, ", ").replace(/, $/, "")
    if (!dead && !page.isSure()) {
      const unknown = { detail: t("tile.unknown"), why: what, label: t("label.unknown", said), dead: true, fills: task.fills, percent: null, failed: 0, share: "" }
      return { arn: task.arn, state: "unknown", word: t("was", { word }), id, ...unknown }
    }
    const percent = share && !dead && runs(task) ? share.percent : null
    return {
      arn: task.arn, state, word, id, detail, why, label, dead: dead || isHit, fills: task.fills, percent,
      failed: share?.failed ?? 0, share: percent === null ? "" : t(share.failed ? "tile.share.failed" : "tile.share", { percent: number(percent), failed: share.failed }),
    }
  }
}
