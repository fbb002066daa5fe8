// The event log: a line an event for the eyes, and now and then a sentence for the ears.

import { nameOf, shortId } from "./reduce.js"
import { make } from "./tiles.js"
import { clock, has, plain, seconds, t } from "./words.js"

const KEPT = 400
const BATCH = 100 // milliseconds between two looks at where the log is scrolled to, which is what costs
const SPOKEN_EVERY = 1500
const KILLS = /^(TASK_KILLED|TASK_STOPPED|SERVICE_RECOVERED|SERVICE_THROTTLED|SERVICE_FLAPPING|CLIENT_|FAULT_)/
const DEPLOYS = /^(DEPLOYMENT_|SERVICE_(CREATED|UPDATED|DELETED|INACTIVE|STEADY|SCALED)|TASK_DEFINITION_REGISTERED)/

export class Log {
  constructor(list, announcer, pauseButton) {
    this.list = list
    this.announcer = announcer
    this.pauseButton = pauseButton
    this.waiting = [] // lines to be shown with the next frame, or when the pause is over
    this.unspoken = []
    this.isPaused = false
    this.shownAt = 0
    this.words = ""
    list.replaceChildren(this.line({ at: null, type: "CONTROLLER_STARTED", service: "", task: "", data: {} }))
    setInterval(() => this.speak(), SPOKEN_EVERY)
  }

  get isBehind() {
    return this.waiting.length > 0 && !this.isPaused
  }

  /** Events; those up to `old` are shown and not spoken of. */
  add(events, old) {
    for (const event of events) {
      if (event.type !== "CONTROLLER_STARTED") this.waiting.push(event)
      if (event.number > old) this.unspoken.push(event)
    }
    if (this.waiting.length > KEPT) this.waiting.splice(0, this.waiting.length - KEPT)
  }

  show() {
    if (this.isPaused) {
      const text = t("log.resume", { n: this.waiting.length })
      if (this.pauseButton.textContent !== text) this.pauseButton.textContent = text
      return
    }
    const now = performance.now()
    if (!this.waiting.length || now - this.shownAt < BATCH) return
    this.shownAt = now
    const { list } = this
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40
    const lines = document.createDocumentFragment()
    for (const event of this.waiting.splice(0)) {
      const line = this.line(event)
      line.hidden = !this.has(line)
      lines.append(line)
    }
    list.append(lines)
    while (list.children.length > KEPT) list.children[1].remove()
    if (atEnd) list.scrollTop = list.scrollHeight
  }

  line(event) {
    const side = event.service ? "service" : event.task ? "standalone" : "cluster"
    const key = `event.${event.type}`
    const text = has(key) ? t(key, values(event)) : plain(event.message)
    const word = has(`word.${event.type}`) ? t(`word.${event.type}`) : event.type.replaceAll("_", " ")
    const item = make("p", {}, make("time", {}, event.at === null ? "" : clock(event.at)), make("b", { class: "whose" }, t(`side.${side}`)), make("b", { class: "kind" }, word), make("span", {}, text))
    item.dataset.side = side
    item.dataset.type = event.type
    item.dataset.filters = [KILLS.test(event.type) ? "kills" : "", DEPLOYS.test(event.type) ? "deploys" : ""].join(" ").trim()
    return item
  }

  /** Only lines with these words in them. */
  search(words) {
    this.words = words.trim().toLowerCase()
    for (const item of this.list.children) item.hidden = !this.has(item)
    this.list.scrollTop = this.list.scrollHeight
  }

  has(item) {
    return !this.words || item.textContent.toLowerCase().includes(this.words)
  }

  filter(name) {
    this.list.dataset.shown = name
    this.list.scrollTop = this.list.scrollHeight
  }

  pause() {
    this.isPaused = !this.isPaused
    this.pauseButton.setAttribute("aria-pressed", String(this.isPaused))
    if (!this.isPaused) this.pauseButton.textContent = t("log.pause")
    this.show()
  }

  text() {
    const seen = [...this.list.children].filter((item) => item.offsetParent !== null)
    return seen.map((item) => [...item.children].map((part) => part.textContent).filter(Boolean).join("  ")).join("\n")
  }

  /** At most one sentence a moment: what matters most of what happened since the last one. */
  speak() {
    const events = this.unspoken.splice(0)
    const spoken = sentence(events)
    if (spoken && !this.isPaused) this.announcer.textContent = spoken
  }
}

function sentence(events) {
  const of = (type) => events.filter((event) => event.type === type)
  const last = (type) => of(type).at(-1)
  const recovered = last("SERVICE_RECOVERED")
  if (recovered) return t("spoken.recovered", { ...values(recovered), n: of("TASK_KILLED").length })
  const failed = last("DEPLOYMENT_FAILED")
  if (failed) return t("spoken.failed", values(failed))
  const alone = events.filter((event) => event.type === "TASK_STOPPED" && !event.service).at(-1)
  if (alone) return t(alone.data.exitCode === 0 ? "spoken.finished" : "spoken.gone", values(alone))
  const killed = of("TASK_KILLED")
  if (killed.length > 1) return t("spoken.killed", { n: killed.length })
  const word = ["TASK_KILLED", "SERVICE_THROTTLED", "SERVICE_STEADY", "INSTANCE_LOST", "INSTANCE_DISCONNECTED", "INSTANCE_STATUS_CHANGED", "SERVICE_DELETED", "DEPLOYMENT_STARTED", "FAULT_ACTIVE", "FAULT_ENDED"].find(last)
  const event = word && last(word)
  return event ? (has(`event.${word}`) ? t(`event.${word}`, values(event)) : event.message) : ""
}

/** What stands in the braces of an event's text. */
export function values(event) {
  const told = { ...event.data }
  for (const name of ["after", "seconds", "decidedAfter", "runningAfter", "ranFor", "delay", "lasted"]) {
    if (typeof told[name] === "number") told[name] = seconds(told[name])
  }
  for (const name of ["taskDefinition", "fills", "task"]) if (typeof told[name] === "string") told[name] = nameOf(told[name])
  if (Array.isArray(told.tasks)) told.tasks = told.tasks.map(shortId).join(" ")
  for (const name of ["stoppedReason", "reason", "cause"]) if (typeof told[name] === "string") told[name] = plain(told[name])
  told.fills = told.fills ? told.fills.slice(0, 6) : ""
  told.exitCode = told.exitCode ?? "-"
  return { ...told, message: event.message, service: nameOf(event.service ?? ""), task: event.task ? shortId(event.task) : "", cluster: nameOf(event.cluster ?? "") }
}
