// A service on the page: its tiles, its minute, its deployment, its traffic, and its buttons.

import { live, nextVersion } from "./actions.js"
import { Course, SPAN, drawService, gapName } from "./draw.js"
import { condition, courseOfService, ending, gapsOf, isStopped, nameOf, placed, runs, shares, shortId, victims } from "./reduce.js"
import { Tiles, make, put, surely } from "./tiles.js"
import { number, plain, seconds, t } from "./words.js"

const GONE_SHOWN = 3 // of its stopped tasks
const SMALL_FROM = 100 // tiles

export class Service {
  /** `page` has state, events, looks, mayAct, now(), isSure(), tasksOf(arn), draw(), kill(arn); it goes to the end of `home`. */
  constructor(arn, home, { page, actions, views }) {
    this.arn = arn
    this.page = page
    this.actions = actions
    this.views = views
    this.places = []
    const part = (this.part = {})
    const say = (name, tag = "span", properties = {}) => (part[name] = make(tag, { class: name, ...properties }))
    const title = `service-${nameOf(arn).replace(/[^\w-]/g, "-")}`
    const counts = make("p", { class: "counts" }, make("span", {}, t("desired"), " "))
    if (this.page.mayAct) counts.append(this.button("less", t("less"), () => this.scale(-1)))
    counts.append(say("desired", "b"))
    if (this.page.mayAct) counts.append(this.button("more", t("more"), () => this.scale(1)))
    counts.append(say("numbers"))
    say("tiles", "ul", { role: "list" })
    say("gone", "ul", { role: "list" })
    say("rollout", "div", { hidden: true })
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    svg.setAttribute("role", "img")
    const figure = make("figure", { class: "course" }, svg, say("gap", "figcaption"))
    if (this.page.mayAct) figure.append(this.buttons())
    this.element = make("article", { class: "block", "aria-labelledby": title },
      make("header", {}, make("h3", { id: title }, nameOf(arn)), say("condition", "strong", { role: "status" }), say("revision"), counts),
      say("traffic", "p"), part.tiles, part.gone, part.rollout, figure)
    this.tiles = new Tiles(part.tiles, this.page.mayAct ? this.page.kill : null)
    this.course = new Course(svg)
    home.append(this.element)
  }

  button(name, text = "", press = null) {
    const button = (this.part[name] = make("button", { type: "button", class: name }, text))
    if (press) button.addEventListener("click", press)
    return button
  }

  victims() {
    return victims(this.page, this.arn).map((task) => task.arn)
  }

  killAll() {
    const arns = this.victims()
    if (arns.length) this.actions.attempt(() => this.actions.kill(...arns))
  }

  buttons() {
    const row = make("div", { class: "buttons", role: "group" })
    row.append(
      this.button("version", t("deploy.version", { version: "v2" }), () => this.actions.attempt(() => this.actions.deploy(this.service, false))),
      this.button("broken", t("deploy.broken"), () => this.actions.attempt(() => this.actions.deploy(this.service, true))),
      surely(this.button("kill-all"), t("kill.all"), () => t("kill.all.sure", { n: this.victims().length, service: this.service.name }), () => this.killAll()),
      surely(this.button("delete"), t("delete"), () => t("delete.sure", { service: this.service.name }), () => this.actions.attempt(() => this.actions.remove(this.service))),
    )
    return row
  }

  scale(step) {
    const wished = Math.max(0, (this.wish ?? this.service.desiredCount) + step)
    this.wish = wished
    clearTimeout(this.forget)
    this.forget = setTimeout(() => { this.wish = null; this.page.draw() }, 3000)
    put(this.part.desired, number(wished))
    const ask = () => this.actions.attempt(() => this.actions.scale(this.service, wished))
    this.asked = (this.asked ?? Promise.resolve()).then(ask, ask) // at the same time one could overtake another
  }

  show(service) {
    this.service = service
    const { part } = this
    const tasks = this.page.tasksOf(service.arn)
    const byArn = new Map(tasks.map((task) => [task.arn, task]))
    const now = this.page.now()
    this.places = placed(tasks, this.places, service.desiredCount, service.status === "ACTIVE")
    const found = this.shares(service)
    const isSmall = this.places.length > SMALL_FROM
    this.tiles.show(this.places.map((arn) => this.views.of(byArn.get(arn), service, found?.get(byArn.get(arn).id), isSmall)))
    part.tiles.setAttribute("aria-label", t("service.tiles", { service: service.name }))
    const word = condition(service, gapsOf(this.page.events, service.arn, now, now).open)
    this.element.dataset.condition = word
    put(part.condition, this.page.isSure() ? t(`condition.${word}`) : t("was", { word: t(`condition.${word}`) }))
    put(part.revision, service.taskDefinition)
    if (this.wish === undefined || this.wish === null || this.wish === service.desiredCount) put(part.desired, number(service.desiredCount))
    put(part.numbers, this.numbers(service, tasks))
    put(part.traffic, this.traffic(service))
    this.showGone(tasks)
    this.showRollout(service)
    if (this.page.mayAct) this.showButtons(service)
  }

  numbers(service, tasks) {
    const healthy = tasks.filter((task) => !isStopped(task) && this.page.state.health.get(task.arn)?.state === "healthy").length
    const told = [t("running", { n: tasks.filter((task) => task.lastStatus === "RUNNING").length })]
    if (service.targetGroups.length) told.push(t("healthy", { n: healthy }))
    const pending = tasks.filter((task) => !isStopped(task) && !runs(task)).length
    if (pending) told.push(t("pending", { n: pending }))
    if (service.kills) told.push(t("kills", { n: service.kills }))
    if (service.lastRecoverySeconds !== null) told.push(t("recovery", { seconds: seconds(service.lastRecoverySeconds) }))
    if (service.standby?.desired) told.push(t("standby", { n: service.standby.ready, of: service.standby.desired }))
    if (service.throttle) told.push(t("throttled", { seconds: seconds(Math.max(0, (service.throttle.nextStartAt ?? this.page.now()) - this.page.now())), reason: service.throttle.reason }))
    if (service.unplaced) told.push(service.unplaced)
    if (service.flapping) told.push(t("flapping", { n: service.flapping.exits, seconds: number(service.flapping.seconds) }))
    return told.join(" · ")
  }

  shares(service) {
    if (!service.client || this.page.looks.length < 2) return null
    return shares(this.page.looks[0]?.clients.get(service.arn), service.client)
  }

  traffic(service) {
    const listeners = (this.page.state.loadBalancers ?? []).flatMap((item) => item.listeners)
    const listener = listeners.find((item) => item.targetGroups.some((arn) => service.targetGroups.includes(arn)))
    if (!listener) return service.targetGroups.length ? "" : t("traffic.none")
    const url = `127.0.0.1:${listener.hostPort}`
    if (!service.client) return t("traffic.unasked", { url })
    const recent = service.client.perSecond.slice(-5)
    const rate = recent.reduce((sum, second) => sum + second.ok + second.failed, 0) / Math.max(1, recent.length)
    const told = { rate: number(rate, 1), url, n: Object.keys(service.client.tasks).length, answered: number(service.client.availability, 2), failed: number(service.client.failed), requests: number(service.client.requests) }
    return t("traffic", told)
  }

  showGone(tasks) {
    const shown = new Set(this.places)
    const gone = tasks.filter((task) => isStopped(task) && !shown.has(task.arn)).sort((one, other) => (other.stoppedAt ?? 0) - (one.stoppedAt ?? 0)).slice(0, GONE_SHOWN)
    const views = gone.map((task) => [shortId(task.arn), ending(task, this.page.state.killed), task.exitCode, plain(task.stoppedReason || task.stopCode)])
    const seen = JSON.stringify(views)
    if (seen === this.seenGone) return
    this.seenGone = seen
    this.part.gone.hidden = !views.length
    this.part.gone.setAttribute("aria-label", t("service.gone"))
    this.part.gone.replaceChildren(...views.map(([id, end, code, reason]) => {
      const exit = code === null || code === undefined ? "" : t("tile.exit", { code })
      const item = make("li", {}, make("b", { class: "word" }, t(`end.${end}`)), make("span", { class: "id" }, id), make("span", { class: "why", title: reason ?? "" }, [exit, reason].filter(Boolean).join(" · ")))
      item.dataset.state = end
      return item
    }))
  }

  /** Old and new, while both are there, and how it ended. */
  showRollout(service) {
    const { rollout } = this.part
    const moving = service.deployments.length > 1 || service.deployments.some((item) => item.rolloutState !== "COMPLETED" && item.failedTasks > 0)
    const outcome = this.outcome(service)
    const rows = moving ? [...service.deployments].sort((one, other) => one.createdAt - other.createdAt) : []
    const seen = JSON.stringify([rows, outcome])
    if (seen === this.seenRollout) return
    this.seenRollout = seen
    rollout.hidden = !rows.length && !outcome
    rollout.replaceChildren(...rows.map((item, place) => this.row(item, place === rows.length - 1)), ...(outcome ? [make("p", { class: "outcome" }, outcome)] : []))
  }

  row(item, isNew) {
    const side = isNew ? "new" : "old"
    const most = Math.max(1, item.desiredCount, item.runningCount + item.pendingCount)
    const blocks = make("span", { class: "blocks", "aria-hidden": "true" })
    for (let place = 0; place < Math.min(most, 40); place += 1) {
      blocks.append(make("i", { class: place < item.runningCount ? "full" : place < item.runningCount + item.pendingCount ? "half" : "none" }))
    }
    const told = { running: item.runningCount, desired: item.desiredCount, failed: item.failedTasks }
    const words = [t("rollout.counts", told)]
    if (item.failedTasks) words.push(t("rollout.failed", { n: item.failedTasks }))
    if (item.shift) words.push(t("rollout.shift", { stage: item.shift.stage, strategy: item.shift.strategy, percent: item.shift.productionPercent }))
    const row = make("p", { class: `deployment ${side}` }, make("b", {}, t(`rollout.${side}`)), make("code", {}, item.taskDefinition), blocks, make("span", {}, words.join(" · ")), make("b", { class: "word" }, t(`rollout.state.${item.rolloutState}`)))
    return row
  }

  outcome(service) {
    const since = this.page.now() - SPAN
    const event = this.page.events.findLast((item) => item.service === service.arn && /^DEPLOYMENT_(FAILED|ROLLED_BACK|COMPLETED)$/.test(item.type))
    const begun = this.page.events.findLast((item) => item.service === service.arn && item.type === "DEPLOYMENT_STARTED")
    if (!event || !begun || event.at < since || begun.number > event.number) return ""
    const failure = this.page.events.findLast((item) => item.service === service.arn && item.type === "DEPLOYMENT_FAILED")
    if (event.type === "DEPLOYMENT_COMPLETED" && !(failure && failure.number > begun.number)) return t("outcome.completed", { revision: service.taskDefinition })
    if (!failure) return ""
    const { taskDefinition = "", failedTasks = "", threshold = "", rollsBack } = failure.data
    const isBack = event.type === "DEPLOYMENT_ROLLED_BACK" || event.type === "DEPLOYMENT_COMPLETED"
    return t(!rollsBack ? "outcome.stalled" : isBack ? "outcome.failed" : "outcome.returning", { revision: nameOf(taskDefinition), n: failedTasks, limit: threshold, live: service.taskDefinition })
  }

  showButtons(service) {
    const isActive = service.status === "ACTIVE"
    for (const name of ["less", "more", "version", "broken", "kill-all", "delete"]) this.part[name].disabled = !isActive
    this.part.less.setAttribute("aria-label", t("less.name", { service: service.name }))
    this.part.more.setAttribute("aria-label", t("more.name", { service: service.name }))
    const definition = live(service)
    if (definition === this.definition) return
    this.definition = definition
    this.actions.described(definition).then((described) => put(this.part.version, t("deploy.version", { version: nextVersion(described) })), () => {})
  }

  draw(now) {
    const story = courseOfService(this.page.events, this.arn, this.page.tasksOf(this.arn).filter(runs).length, now, SPAN)
    drawService(this.course, story, now, this.service.desiredCount)
    const last = story.open ?? story.gaps.at(-1)
    put(this.part.gap, last ? t("gap.last", { gap: gapName(last) }) : t("gap.none"))
  }
}
