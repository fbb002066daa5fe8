// The cluster's schedules: when each is due next, how its last run went, and its two buttons.

import { lastRun, scheduleState } from "./reduce.js"
import { make, put, surely } from "./tiles.js"
import { age, left, moment, number, t } from "./words.js"

const SHOWN = 20

const label = (schedule) => (schedule.group === "default" ? schedule.name : `${schedule.group}/${schedule.name}`)

export class Schedules {
  /** `page` has state, about, mayAct, now(), isSure(), tasksOf(null). */
  constructor(page, actions) {
    this.page = page
    this.actions = actions
    this.section = document.getElementById("schedules")
    this.list = document.getElementById("schedule-list")
    this.more = document.getElementById("more-schedules")
    this.rows = new Map() // by ARN
  }

  show() {
    const { clusterArn } = this.page.about
    const all = (this.page.state.schedules ?? []).filter((item) => item.cluster === clusterArn)
    all.sort((one, other) => label(one).localeCompare(label(other)))
    const shown = all.slice(0, SHOWN)
    this.section.hidden = !all.length
    this.more.hidden = all.length <= SHOWN
    if (!this.more.hidden) put(this.more, t("schedules.more", { n: all.length - SHOWN }))
    this.leave(new Set(shown.map((item) => item.arn)))
    shown.forEach((schedule, place) => {
      const row = this.rows.get(schedule.arn) ?? this.made(schedule)
      if (this.list.children[place] !== row.item) this.list.insertBefore(row.item, this.list.children[place] ?? null)
      this.fill(row, schedule)
    })
  }

  /** Rows of schedules that are no more go; the focus goes on to where schedules are made. */
  leave(wanted) {
    for (const [arn, row] of this.rows) {
      if (wanted.has(arn)) continue
      const hadFocus = row.item.contains(document.activeElement)
      row.item.remove()
      this.rows.delete(arn)
      if (hadFocus) (document.getElementById("every-minute") ?? document.getElementById("cluster")).focus()
    }
  }

  made(schedule) {
    const id = `schedule-${schedule.arn.replace(/[^\w-]/g, "-")}`
    const row = { schedule }
    for (const [name, tag] of [["name", "b"], ["condition", "strong"], ["expression", "code"], ["next", "span"], ["last", "span"], ["why", "span"]]) {
      row[name] = make(tag, { class: name })
    }
    row.name.id = id
    row.condition.setAttribute("role", "status")
    const head = make("p", {}, row.name, " ", row.condition, " ", row.expression)
    row.item = make("li", { "aria-labelledby": id }, head, make("p", { class: "due" }, row.next, " ", row.last, " ", row.why))
    if (this.page.mayAct) row.item.append(this.buttons(row, id))
    this.rows.set(schedule.arn, row)
    return row
  }

  buttons(row, id) {
    const button = (text) => make("button", { type: "button", "aria-describedby": id }, text)
    row.turn = button("")
    row.turn.addEventListener("click", () => this.actions.attempt(() => this.actions.turn(row.schedule, row.schedule.state === "ENABLED" ? "DISABLED" : "ENABLED")))
    const sure = () => t("delete.sure", { service: label(row.schedule) })
    const end = surely(button(""), t("delete"), sure, () => this.actions.attempt(() => this.actions.removeSchedule(row.schedule)))
    return make("div", { class: "buttons", role: "group", "aria-labelledby": id }, row.turn, end)
  }

  fill(row, schedule) {
    const { page } = this
    const now = page.now()
    const isSure = page.isSure()
    const word = scheduleState(schedule)
    row.schedule = schedule
    row.item.dataset.condition = word
    put(row.name, label(schedule))
    put(row.condition, isSure ? t(`schedule.${word}`) : t("was", { word: t(`schedule.${word}`) }))
    put(row.expression, schedule.timezone === "UTC" ? schedule.expression : `${schedule.expression} ${schedule.timezone}`)
    put(row.next, isSure ? this.next(schedule, now) : t("tile.unknown"))
    put(row.last, this.last(schedule, now))
    put(row.why, this.trouble(schedule))
    if (row.turn) put(row.turn, t(schedule.state === "ENABLED" ? "schedule.pause" : "schedule.resume"))
  }

  next(schedule, now) {
    const definition = schedule.taskDefinition.slice(schedule.taskDefinition.lastIndexOf("/") + 1)
    const what = schedule.count > 1 ? `${schedule.count} × ${definition}` : definition
    if (schedule.state !== "ENABLED") return t("schedule.next.paused", { what })
    if (schedule.nextDueAt === null) return t("schedule.next.never", { what })
    return t("schedule.next", { what, left: left(Math.max(0, schedule.nextDueAt - now)), at: moment(schedule.nextDueAt, now) })
  }

  last(schedule, now) {
    if (schedule.lastRanAt === null) return t("schedule.last.none")
    const end = lastRun(schedule, this.page.tasksOf(null), this.page.state.killed)
    const ago = age(Math.max(0, now - schedule.lastRanAt))
    const outcome = end ? t(end === "runs" ? "status.RUNNING" : `end.${end}`) : ""
    return t(outcome ? "schedule.last" : "schedule.last.unknown", { n: number(schedule.runs), ago, outcome })
  }

  trouble(schedule) {
    const told = []
    if (schedule.retrying) told.push(t("schedule.retrying", { n: schedule.retrying, reason: schedule.reason ?? "" }))
    if (schedule.dropped) told.push(t("schedule.dropped", { n: schedule.dropped }))
    if (schedule.missed) told.push(t("schedule.missed", { n: schedule.missed }))
    return told.join(" ")
  }
}
