// The cluster page: takes the server's first paint over and keeps it true. The parts it is put together from are beside it.

import { Actions, nextVersion, remark } from "./actions.js"
import { Faults, Race, Score } from "./chaos.js"
import { Course, SPAN, drawService, drawTasks, gapName } from "./draw.js"
import { Challenge, Lesson } from "./lesson.js"
import { Log } from "./log.js"
import { condition, courseOfService, courseOfTasks, ending, gapsOf, indexed, isStopped, merged, nameOf, placed, reduce, runs, shares, shortId } from "./reduce.js"
import { Stream } from "./stream.js"
import { Tiles, make, put } from "./tiles.js"
import { age, number, plain, seconds, speak, t } from "./words.js"

const boot = JSON.parse(document.getElementById("boot").textContent)
const root = document.documentElement
const byId = (id) => document.getElementById(id)
speak(boot.texts, boot.language)

const EVENTS_KEPT = 3000
const GONE_SHOWN = 3 // of a service's stopped tasks
const STANDALONE_SHOWN = 8 // of those that have stopped
const LANES = 3
const SHARE_SECONDS = 6
const FRESH_SECONDS = 8
const SMALL_FROM = 100 // tiles
const SURE_MS = 4000

if (!boot.mayAct) for (const element of document.querySelectorAll("[data-acts]")) element.remove()
else for (const element of document.querySelectorAll("[data-looks]")) element.remove()
history.replaceState(null, "", location.search.includes("lang=") ? `/?lang=${boot.language}` : "/")

// --- what everybody shares ---

const page = {
  about: boot.about,
  mayAct: boot.mayAct,
  state: indexed(boot.state),
  events: [],
  looks: [], // the client's counts of the last seconds
  offset: boot.state.at - Date.now() / 1000,
  waiting: [],
  now: () => Date.now() / 1000 + page.offset,
  services: () => page.state.services.filter((service) => service.clusterArn === boot.about.clusterArn && (service.status !== "INACTIVE" || tasksOf(service.arn).some((task) => !isStopped(task)))),
  over: () => stream.over(),
  /** Waits until something is so; answers whether it came. */
  until(test, patience) {
    if (test()) return Promise.resolve(true)
    return new Promise((resolve) => {
      const waiter = { test, resolve }
      page.waiting.push(waiter)
      setTimeout(() => {
        page.waiting = page.waiting.filter((item) => item !== waiter)
        resolve(false)
      }, patience)
    })
  },
  say(text, kind) {
    const answer = byId("answer")
    answer.dataset.kind = kind
    put(answer, text)
    clearTimeout(page.quiet)
    page.quiet = setTimeout(() => put(answer, ""), kind === "refused" ? 12_000 : 5000)
  },
  showCommand(text, key = "") {
    put(byId("aws-command"), text)
    put(byId("aws-remark"), [t("aws.keys"), remark(key)].filter(Boolean).join(" "))
  },
}

let grouped = { state: null, tasks: new Map() }

/** The tasks of a service, or with null the standalone ones; gone through once a state. */
function tasksOf(arn) {
  if (grouped.state !== page.state) {
    const tasks = new Map()
    for (const task of page.state.tasks.values()) {
      if (task.clusterArn !== boot.about.clusterArn) continue
      if (!tasks.has(task.serviceArn)) tasks.set(task.serviceArn, [])
      tasks.get(task.serviceArn).push(task)
    }
    grouped = { state: page.state, tasks }
  }
  return grouped.tasks.get(arn) ?? []
}

const actions = new Actions(page)
const lesson = new Lesson(page, actions)
const challenge = new Challenge(page)
const race = new Race(page, actions)
const faults = boot.mayAct ? new Faults(page, actions) : null
const score = new Score(page, actions)
const log = new Log(byId("log"), byId("announcer"), byId("log-pause"))

// --- a task as a tile ---

const sent = new Set() // kills that were asked for and not answered yet

async function kill(arn) {
  const task = page.state.tasks.get(arn)
  if (!task || isStopped(task) || sent.has(arn) || root.dataset.connection !== "live") return
  if (!(await challenge.predicted(task))) return
  sent.add(arn)
  draw()
  await actions.attempt(() => actions.kill(arn))
  setTimeout(() => { sent.delete(arn); draw() }, 3000)
}

const views = new Map() // by ARN: what it was made from, and the view

/** The view of a task, made anew only when something of it has changed; `isSmall` leaves out what no small tile shows. */
function viewOf(task, service, share, isSmall) {
  const { killed, health } = page.state
  const since = page.now() - (task.startedAt ?? task.createdAt)
  const age_ = isSmall || isStopped(task) ? 0 : Math.floor(since)
  const made = `${task.lastStatus} ${task.exitCode} ${task.stopCode} ${task.taskDefinition} ${task.fills} ${task.healthStatus} ${health.get(task.arn)?.state} ${killed.has(task.arn)} ${sent.has(task.arn)} ${service?.deployments.length} ${share?.percent} ${share?.failed} ${age_} ${isSmall && since < FRESH_SECONDS} ${isSure()}`
  const known = views.get(task.arn)
  if (known?.made === made) return known.view
  const view = viewed(task, service, share, since, isSmall)
  views.set(task.arn, { made, view })
  return view
}

/** Whether what is shown is known to be true now. */
const isSure = () => root.dataset.connection === "live" && page.state.engine.connected

function viewed(task, service, share, since, isSmall) {
  const { killed, health } = page.state
  const id = shortId(task.arn)
  const name = service ? service.name : ""
  const dead = isStopped(task)
  const end = dead ? ending(task, killed) : ""
  const isHit = !dead && (killed.has(task.arn) || sent.has(task.arn))
  const state = dead ? end : isHit ? "killed" : task.lastStatus === "RUNNING" ? "running" : runs(task) ? "stopping" : "pending"
  const sound = dead || !runs(task) ? "" : healthOf(task, health.get(task.arn))
  const word = dead ? t(`end.${end}`) : isHit ? t("status.KILLED") : t(`status.${task.lastStatus}`)
  const exit = dead && task.exitCode !== null ? t("tile.exit", { code: task.exitCode }) : ""
  const isNew = Boolean(task.fills) && task.lastStatus === "RUNNING" && since < FRESH_SECONDS
  const detail = [exit, sound, !dead && !isSmall && task.startedAt ? age(since) : "", isNew ? t("tile.new") : ""].filter(Boolean).join(" · ")
  const what = service ? revisionOf(task, service) : task.taskDefinition
  const why = dead ? [service ? "" : what, plain(task.stoppedReason || task.stopCode)].filter(Boolean).join(": ") : task.fills ? t("tile.fills", { task: shortId(task.fills) }) : what
  const said = { task: id, service: name, status: word.toLocaleLowerCase(boot.language), health: sound, exit, reason: plain(task.stoppedReason) }
  const key = `label.${dead ? "gone" : "kill"}.${service ? "service" : "standalone"}`
  const label = t(key, said).replace(/(, )+/g, ", ").replace(/, $/, "")
  if (!dead && !isSure()) {
    const unknown = { detail: t("tile.unknown"), why: what, label: t("label.unknown", said), dead: true, fills: task.fills, percent: null, failed: 0, share: "" }
    return { arn: task.arn, state: "unknown", word: t("was", { word }), id, ...unknown }
  }
  const percent = share && !dead && runs(task) ? share.percent : null
  return {
    arn: task.arn, state, word, id, detail, why, label, dead: dead || isHit, fills: task.fills, percent,
    failed: share?.failed ?? 0, share: percent === null ? "" : t(share.failed ? "tile.share.failed" : "tile.share", { percent: number(percent), failed: share.failed }),
  }
}

function healthOf(task, target) {
  if (target) return t(`health.${target.state}`)
  return task.healthStatus && task.healthStatus !== "UNKNOWN" ? t(`health.${task.healthStatus.toLowerCase()}`) : ""
}

const revisionOf = (task, service) => (service.deployments.length > 1 ? task.taskDefinition : "")

// --- a service ---

const blocks = new Map()

class Block {
  constructor(arn) {
    this.arn = arn
    this.places = []
    const part = (this.part = {})
    const say = (name, tag = "span", properties = {}) => (part[name] = make(tag, { class: name, ...properties }))
    const title = `service-${nameOf(arn).replace(/[^\w-]/g, "-")}`
    const counts = make("p", { class: "counts" }, make("span", {}, t("desired"), " "))
    if (boot.mayAct) counts.append(this.button("less", t("less"), () => this.scale(-1)))
    counts.append(say("desired", "b"))
    if (boot.mayAct) counts.append(this.button("more", t("more"), () => this.scale(1)))
    counts.append(say("numbers"))
    say("tiles", "ul", { role: "list" })
    say("gone", "ul", { role: "list" })
    say("rollout", "div", { hidden: true })
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
    svg.setAttribute("role", "img")
    const figure = make("figure", { class: "course" }, svg, say("gap", "figcaption"))
    if (boot.mayAct) figure.append(this.buttons())
    this.element = make("article", { class: "block", "aria-labelledby": title },
      make("header", {}, make("h3", { id: title }, nameOf(arn)), say("condition", "strong", { role: "status" }), say("revision"), counts),
      say("traffic", "p"), part.tiles, part.gone, part.rollout, figure)
    this.tiles = new Tiles(part.tiles, boot.mayAct ? kill : null)
    this.course = new Course(svg)
    byId("services").append(this.element)
  }

  button(name, text, press) {
    const button = (this.part[name] = make("button", { type: "button", class: name }, text))
    button.addEventListener("click", press)
    return button
  }

  buttons() {
    const row = make("div", { class: "buttons", role: "group" })
    row.append(
      this.button("version", t("deploy.version", { version: "v2" }), () => actions.attempt(() => actions.deploy(this.service, false))),
      this.button("broken", t("deploy.broken"), () => actions.attempt(() => actions.deploy(this.service, true))),
      this.button("delete", t("delete"), () => this.remove()),
    )
    return row
  }

  scale(step) {
    const wished = Math.max(0, (this.wish ?? this.service.desiredCount) + step)
    this.wish = wished
    clearTimeout(this.forget)
    this.forget = setTimeout(() => { this.wish = null; draw() }, 3000)
    put(this.part.desired, number(wished))
    actions.attempt(() => actions.scale(this.service, wished))
  }

  /** Deleting wants two presses. */
  remove() {
    const button = this.part.delete
    if (this.isSure) {
      this.isSure = false
      put(button, t("delete"))
      return void actions.attempt(() => actions.remove(this.service))
    }
    this.isSure = true
    put(button, t("delete.sure", { service: this.service.name }))
    setTimeout(() => { this.isSure = false; put(button, t("delete")) }, SURE_MS)
  }

  show(service) {
    this.service = service
    const { part } = this
    const tasks = tasksOf(service.arn)
    const byArn = new Map(tasks.map((task) => [task.arn, task]))
    const now = page.now()
    this.places = placed(tasks, this.places, service.desiredCount, service.status === "ACTIVE")
    const found = this.shares(service)
    const isSmall = this.places.length > SMALL_FROM
    this.tiles.show(this.places.map((arn) => viewOf(byArn.get(arn), service, found?.get(byArn.get(arn).id), isSmall)))
    part.tiles.setAttribute("aria-label", t("service.tiles", { service: service.name }))
    const word = condition(service, gapsOf(page.events, service.arn, now, now).open)
    this.element.dataset.condition = word
    put(part.condition, isSure() ? t(`condition.${word}`) : t("was", { word: t(`condition.${word}`) }))
    put(part.revision, service.taskDefinition)
    if (this.wish === undefined || this.wish === null || this.wish === service.desiredCount) put(part.desired, number(service.desiredCount))
    put(part.numbers, this.numbers(service, tasks))
    put(part.traffic, this.traffic(service, found))
    this.showGone(tasks)
    this.showRollout(service)
    if (boot.mayAct) this.showButtons(service)
  }

  numbers(service, tasks) {
    const healthy = tasks.filter((task) => !isStopped(task) && page.state.health.get(task.arn)?.state === "healthy").length
    const told = [t("running", { n: tasks.filter((task) => task.lastStatus === "RUNNING").length })]
    if (service.targetGroups.length) told.push(t("healthy", { n: healthy }))
    const pending = tasks.filter((task) => !isStopped(task) && !runs(task)).length
    if (pending) told.push(t("pending", { n: pending }))
    if (service.kills) told.push(t("kills", { n: service.kills }))
    if (service.lastRecoverySeconds !== null) told.push(t("recovery", { seconds: seconds(service.lastRecoverySeconds) }))
    if (service.standby?.desired) told.push(t("standby", { n: service.standby.ready, of: service.standby.desired }))
    if (service.throttle) told.push(t("throttled", { seconds: seconds(Math.max(0, (service.throttle.nextStartAt ?? page.now()) - page.now())), reason: service.throttle.reason }))
    if (service.flapping) told.push(t("flapping", { n: service.flapping.exits, seconds: number(service.flapping.seconds) }))
    return told.join(" · ")
  }

  shares(service) {
    if (!service.client || page.looks.length < 2) return null
    return shares(page.looks[0]?.clients.get(service.arn), service.client)
  }

  traffic(service, found) {
    const listeners = (page.state.loadBalancers ?? []).flatMap((item) => item.listeners)
    const listener = listeners.find((item) => item.targetGroups.some((arn) => service.targetGroups.includes(arn)))
    if (!listener) return service.targetGroups.length ? "" : t("traffic.none")
    const url = `127.0.0.1:${listener.hostPort}`
    if (!service.client) return t("traffic.unasked", { url })
    const recent = service.client.perSecond.slice(-5)
    const rate = recent.reduce((sum, second) => sum + second.ok + second.failed, 0) / Math.max(1, recent.length)
    const told = { rate: number(rate, 1), url, n: found?.size ?? 0, answered: number(service.client.availability, 2), failed: number(service.client.failed), requests: number(service.client.requests) }
    return t("traffic", told)
  }

  showGone(tasks) {
    const shown = new Set(this.places)
    const gone = tasks.filter((task) => isStopped(task) && !shown.has(task.arn)).sort((one, other) => (other.stoppedAt ?? 0) - (one.stoppedAt ?? 0)).slice(0, GONE_SHOWN)
    const views = gone.map((task) => [shortId(task.arn), ending(task, page.state.killed), task.exitCode, plain(task.stoppedReason || task.stopCode)])
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
    const rows = moving ? [...service.deployments].reverse() : []
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
    const since = page.now() - SPAN
    const event = page.events.findLast((item) => item.service === service.arn && /^DEPLOYMENT_(FAILED|ROLLED_BACK|COMPLETED)$/.test(item.type))
    const begun = page.events.findLast((item) => item.service === service.arn && item.type === "DEPLOYMENT_STARTED")
    if (!event || !begun || event.at < since || begun.number > event.number) return ""
    const failure = page.events.findLast((item) => item.service === service.arn && item.type === "DEPLOYMENT_FAILED")
    if (event.type === "DEPLOYMENT_COMPLETED" && !(failure && failure.number > begun.number)) return t("outcome.completed", { revision: service.taskDefinition })
    if (!failure) return ""
    const { taskDefinition = "", failedTasks = "", threshold = "" } = failure.data
    return t("outcome.failed", { revision: nameOf(taskDefinition), n: failedTasks, limit: threshold, live: service.taskDefinition })
  }

  showButtons(service) {
    const isActive = service.status === "ACTIVE"
    for (const name of ["less", "more", "version", "broken", "delete"]) this.part[name].disabled = !isActive
    this.part.less.setAttribute("aria-label", t("less.name", { service: service.name }))
    this.part.more.setAttribute("aria-label", t("more.name", { service: service.name }))
    if (service.taskDefinition === this.definition) return
    this.definition = service.taskDefinition
    actions.described(service.taskDefinition).then((described) => put(this.part.version, t("deploy.version", { version: nextVersion(described) })), () => {})
  }

  draw(now) {
    const story = courseOfService(page.events, this.arn, tasksOf(this.arn).filter(runs).length, now, SPAN)
    drawService(this.course, story, now, this.service.desiredCount)
    const last = story.open ?? story.gaps.at(-1)
    put(this.part.gap, last ? t("gap.last", { gap: gapName(last) }) : t("gap.none"))
  }
}

// --- standalone tasks ---

const standalone = new Tiles(byId("standalone-tiles"), boot.mayAct ? kill : null)
const standaloneCourse = new Course(byId("standalone-course"))

function showStandalone() {
  const tasks = tasksOf(null).sort((one, other) => one.number - other.number)
  const stopped = tasks.filter(isStopped)
  const shown = new Set([...tasks.filter((task) => !isStopped(task)), ...stopped.slice(-STANDALONE_SHOWN)].map((task) => task.arn))
  standalone.show(tasks.filter((task) => shown.has(task.arn)).map((task) => viewOf(task, null, null, false)))
  const ends = { finished: 0, failed: 0, killed: 0, stopped: 0 }
  for (const task of stopped) ends[ending(task, page.state.killed)] += 1
  const told = [t("running", { n: tasks.filter((task) => task.lastStatus === "RUNNING").length }), t("count.finished", { n: ends.finished }), t("count.failed", { n: ends.failed }), t("count.killed", { n: ends.killed })]
  put(byId("standalone-counts"), told.join(" · "))
  byId("no-standalone").hidden = tasks.length > 0
  const older = stopped.length - STANDALONE_SHOWN
  byId("older").hidden = older <= 0
  if (older > 0) put(byId("older"), t("standalone.older", { n: older }))
}

function drawStandalone(now) {
  const lives = courseOfTasks(tasksOf(null), page.state.killed, now, LANES)
  drawTasks(standaloneCourse, lives, now)
  const gone = lives.findLast((life) => life.end === "killed" || life.end === "failed")
  put(byId("standalone-gap"), gone ? t("gap.ever", { task: shortId(gone.task.arn), seconds: seconds(now - gone.until) }) : t("gap.none.standalone"))
}

// --- a frame ---

let isAsked = false
let isDirty = true
let drawnAt = 0
const still = matchMedia("(prefers-reduced-motion: reduce)")

/** Asks for a frame in which everything that has changed is shown. */
function draw() {
  isDirty = true
  again()
}

function again() {
  if (isAsked) return
  isAsked = true
  requestAnimationFrame(frame)
}

function frame() {
  isAsked = false
  if (isDirty) {
    isDirty = false
    showServices()
    showStandalone()
    showEngine()
    faults?.show()
    lesson.how()
  }
  const now = page.now()
  if (now - drawnAt >= 0.2 || now < drawnAt) drawMinute(now)
  log.show() // last, for it asks where it is scrolled to
  if (log.isBehind) again()
}

function drawMinute(now) {
  drawnAt = now
  for (const block of blocks.values()) block.draw(now)
  drawStandalone(now)
  race.draw(now)
  score.draw()
}

function showServices() {
  const services = page.services()
  const wanted = new Set(services.map((service) => service.arn))
  for (const [arn, block] of blocks) {
    if (wanted.has(arn)) continue
    const hadFocus = block.element.contains(document.activeElement)
    block.element.remove()
    blocks.delete(arn)
    if (hadFocus) (byId("deploy-service") ?? byId("cluster")).focus()
  }
  for (const service of services) {
    if (!blocks.has(service.arn)) blocks.set(service.arn, new Block(service.arn))
    blocks.get(service.arn).show(service)
  }
  byId("no-service").hidden = services.length > 0
}

function showEngine() {
  const { connected, name, reason } = page.state.engine
  root.dataset.engine = connected ? "there" : "lost"
  put(byId("engine"), boot.about.simulated ? t("engine.simulated") : name)
  const problem = byId("problem")
  problem.hidden = connected
  put(problem, connected ? "" : t("engine.lost", { reason }))
}

setInterval(() => {
  if (document.hidden || root.dataset.connection !== "live") return
  isDirty ||= Math.floor(page.now()) !== Math.floor(drawnAt) // ages and shares
  if (!still.matches || isDirty) again()
}, 250)

// --- what is heard ---

byId("services").replaceChildren()
const stream = new Stream(boot.state.number, {
  events(events) {
    page.events.push(...events)
    if (page.events.length > EVENTS_KEPT) page.events.splice(0, page.events.length - EVENTS_KEPT)
    for (const event of events) {
      if (event.type === "TASK_KILLED" && event.number <= page.state.number && page.state.tasks.has(event.task)) page.state.killed.set(event.task, event.at)
      page.state = reduce(page.state, event)
      if (event.number <= page.bootNumber) continue
      race.hear(event)
      score.hear(event)
      challenge.hear(event)
    }
    log.add(events, page.bootNumber)
    settle()
  },
  state(snapshot) {
    const offset = snapshot.at - Date.now() / 1000
    page.offset = Math.abs(offset - page.offset) < 0.25 ? Math.max(offset, page.offset) : offset
    page.state = merged(snapshot, page.events, page.state)
    const clients = new Map(snapshot.services.filter((service) => service.client).map((service) => [service.arn, service.client]))
    for (const arn of views.keys()) if (!page.state.tasks.has(arn)) views.delete(arn)
    page.looks.push({ at: snapshot.at, clients })
    while (page.looks.length > 2 && page.looks[1].at < snapshot.at - SHARE_SECONDS) page.looks.shift()
    stream.pause = clients.size ? 1000 : 3000
    settle()
  },
  connection(word) {
    root.dataset.connection = word
    put(byId("connection"), t(`connection.${word}`))
    draw()
  },
})
page.bootNumber = boot.state.number

function settle() {
  for (const waiter of [...page.waiting]) {
    if (!waiter.test()) continue
    page.waiting = page.waiting.filter((item) => item !== waiter)
    waiter.resolve(true)
  }
  draw()
}

// --- buttons ---

const press = (id, work) => byId(id)?.addEventListener("click", work)
press("deploy-service", () => actions.attempt(() => actions.createService("web")))
press("run-task", () => actions.attempt(() => actions.runTask({ taskDefinition: "batch-job:1", count: 1 }, { SECONDS_TO_WORK: "60" })))
press("run-failing", () => actions.attempt(() => actions.runTask({ taskDefinition: "db-migrate:1", count: 1 }, { FAIL: "1" })))
press("log-pause", () => log.pause())
press("log-copy", () => copy(log.text()))
press("help", () => byId("help-dialog").showModal())
press("challenge", ({ currentTarget }) => currentTarget.setAttribute("aria-pressed", String(challenge.toggle())))

async function copy(text) {
  const isCopied = await (navigator.clipboard?.writeText(text).then(() => true, () => false) ?? copiedByHand(text))
  page.say(t(isCopied ? "copied" : "copied.not"), isCopied ? "said" : "refused")
}

/** Where the page is not trusted with the clipboard, as over the network of a room. */
function copiedByHand(text) {
  const before = document.activeElement
  const field = make("textarea", { class: "unseen", value: text })
  document.body.append(field)
  field.select()
  const isCopied = document.execCommand("copy")
  field.remove()
  before?.focus()
  return isCopied
}

for (const button of document.querySelectorAll("[data-copies]")) button.addEventListener("click", () => copy(byId(button.dataset.copies).textContent))
for (const button of document.querySelectorAll("[data-filter]")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-filter]")) other.setAttribute("aria-pressed", String(other === button))
    log.filter(button.dataset.filter)
  })
}

/** Remembered in this browser, where it lets us. */
function remembered(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(`chaos-ecs.${name}`)
    localStorage.setItem(`chaos-ecs.${name}`, value)
  } catch {
    // then it is not
  }
  return null
}

const dark = matchMedia("(prefers-color-scheme: dark)")

function showTheme(theme) {
  if (theme) root.dataset.theme = theme
  const isDark = theme ? theme === "dark" : dark.matches
  put(byId("theme"), t(isDark ? "view.light" : "view.dark"))
}

function showProjector(isOn) {
  root.dataset.projector = String(isOn)
  byId("projector").setAttribute("aria-pressed", String(isOn))
  byId("log").scrollTop = byId("log").scrollHeight
}

showTheme(remembered("theme"))
showProjector(remembered("projector") === "true")
dark.addEventListener("change", () => showTheme(remembered("theme")))
press("theme", () => {
  const theme = byId("theme").textContent === t("view.light") ? "light" : "dark"
  remembered("theme", theme)
  showTheme(theme)
})
press("projector", () => {
  const isOn = root.dataset.projector !== "true"
  remembered("projector", String(isOn))
  showProjector(isOn)
})
for (const link of document.querySelectorAll("[data-language]")) if (link.dataset.language === boot.language) link.setAttribute("aria-current", "true")
byId("single-keys").checked = remembered("keys") !== "off"
byId("single-keys").addEventListener("change", ({ target }) => remembered("keys", target.checked ? "on" : "off"))

document.addEventListener("keydown", (event) => {
  if (!byId("single-keys").checked || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.target.closest("input, select, textarea, dialog")) return
  if (event.key === "?") byId("help-dialog").showModal()
  const tile = /^[1-9]$/.test(event.key) && event.target.closest(".tiles")?.children[Number(event.key) - 1]?.firstElementChild
  if (tile) {
    tile.focus()
    tile.click()
  }
})

page.showCommand(`aws ecs list-tasks --cluster ${boot.about.cluster}`, "aws.nothing")
draw()
stream.open()
