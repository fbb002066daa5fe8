// The cluster page: takes the server's first paint over and keeps it true. The parts it is put together from are beside it.

import { Actions, remark } from "./actions.js"
import { Faults, Race, Score } from "./chaos.js"
import { Course, drawTasks } from "./draw.js"
import { Challenge, Lesson } from "./lesson.js"
import { Log } from "./log.js"
import { courseOfTasks, ending, indexed, isStopped, merged, reduce, remembering, shortId } from "./reduce.js"
import { Instances } from "./instances.js"
import { Schedules } from "./schedules.js"
import { Service } from "./service.js"
import { wireSettings } from "./settings.js"
import { Stream } from "./stream.js"
import { Tiles, make, put } from "./tiles.js"
import { Views } from "./views.js"
import { number, seconds, speak, t } from "./words.js"

const boot = JSON.parse(document.getElementById("boot").textContent)
const root = document.documentElement
const byId = (id) => document.getElementById(id)
speak(boot.texts, boot.language)

const EVENTS_KEPT = 3000
const STANDALONE_SHOWN = 8 // of those that have stopped
const LANES = 3
const SHARE_SECONDS = 6

if (!boot.mayAct) for (const element of document.querySelectorAll("[data-acts]")) element.remove()
else for (const element of document.querySelectorAll("[data-looks]")) element.remove()
history.replaceState(null, "", location.search.includes("lang=") ? `/?lang=${boot.language}` : "/")

// --- what everybody shares ---

const PRESSED = Number(boot.state.clock?.slice(1) ?? 1) // x60: its clock goes so many times as fast as others

const page = {
  about: boot.about,
  mayAct: boot.mayAct,
  language: boot.language,
  state: indexed(boot.state),
  events: [],
  looks: [], // the client's counts of the last seconds
  offset: boot.state.at - (PRESSED * Date.now()) / 1000,
  waiting: [],
  now: () => (PRESSED * Date.now()) / 1000 + page.offset,
  services: () => page.state.services.filter((service) => service.clusterArn === boot.about.clusterArn && (service.status !== "INACTIVE" || tasksOf(service.arn).some((task) => !isStopped(task)))),
  over: () => stream.over(),
  /** Whether what is shown is known to be true now. */
  isSure: () => root.dataset.connection === "live" && page.state.engine.connected,
  tasksOf: (arn) => tasksOf(arn),
  draw: () => draw(),
  kill: (arn) => kill(arn),
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
    if (kind === "waits") return // until something else is said
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
const schedules = new Schedules(page, actions)
const instances = new Instances(page)
const log = new Log(byId("log"), byId("announcer"), byId("log-pause"))

// --- a task as a tile ---

const sent = new Set() // kills that were asked for and not answered yet
const views = new Views(page, sent)

async function kill(arn) {
  const task = page.state.tasks.get(arn)
  if (!task || isStopped(task) || sent.has(arn) || root.dataset.connection !== "live") return
  if (!(await challenge.predicted(task))) return
  sent.add(arn)
  draw()
  const isAsked = await actions.attempt(() => actions.kill(arn))
  if (!isAsked) challenge.drop(arn)
  setTimeout(() => { sent.delete(arn); draw() }, isAsked ? 3000 : 0)
}

// --- standalone tasks ---

const standalone = new Tiles(byId("standalone-tiles"), boot.mayAct ? kill : null)
const standaloneCourse = new Course(byId("standalone-course"))

function showStandalone() {
  const tasks = tasksOf(null).sort((one, other) => one.number - other.number)
  const stopped = tasks.filter(isStopped)
  const shown = new Set([...tasks.filter((task) => !isStopped(task)), ...stopped.slice(-STANDALONE_SHOWN)].map((task) => task.arn))
  standalone.show(tasks.filter((task) => shown.has(task.arn)).map((task) => views.of(task, null, null, false)))
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

const blocks = new Map() // of services, by ARN

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
    schedules.show()
    instances.show()
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
    if (!blocks.has(service.arn)) blocks.set(service.arn, new Service(service.arn, byId("services"), { page, actions, views }))
    blocks.get(service.arn).show(service)
  }
  byId("no-service").hidden = services.length > 0
}

function showEngine() {
  const { connected, name, reason } = page.state.engine
  root.dataset.engine = connected ? "there" : "lost"
  put(byId("engine"), boot.about.simulated ? t("engine.simulated") : name)
  byId("clock").hidden = PRESSED === 1
  if (PRESSED !== 1) put(byId("clock"), t("clock.pressed", { clock: boot.state.clock, n: number(60 / PRESSED, 1) }))
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
      page.state = reduce(page.state, event)
      if (event.number <= page.bootNumber) continue
      race.hear(event)
      score.hear(event)
      challenge.hear(event)
    }
    if (events[0].number <= page.bootNumber) page.state = { ...page.state, ...remembering(page.state, events) }
    log.add(events, page.bootNumber)
    settle()
  },
  state(snapshot) {
    const offset = snapshot.at - (PRESSED * Date.now()) / 1000
    page.offset = Math.abs(offset - page.offset) < 0.25 * PRESSED ? Math.max(offset, page.offset) : offset
    page.state = merged(snapshot, page.events, page.state)
    const clients = new Map(snapshot.services.filter((service) => service.client).map((service) => [service.arn, service.client]))
    views.forget()
    const last = (arn) => page.looks.findLast((look) => look.clients.has(arn))?.clients.get(arn).requests ?? 0
    const isCountedAnew = [...clients].some(([arn, told]) => told.requests < last(arn))
    if (isCountedAnew) page.looks = [] // by another controller: there is nothing to compare with
    page.looks.push({ at: snapshot.at, clients })
    while (page.looks.length > 2 && page.looks[1].at < snapshot.at - SHARE_SECONDS) page.looks.shift()
    stream.pause = clients.size ? 1000 : 3000
    settle()
  },
  anew() {
    page.events = []
    page.looks = []
    page.state = { ...page.state, killed: new Map(), pulling: new Map(), number: 0 }
    page.bootNumber = 0
  },
  connection(word) {
    root.dataset.connection = word
    put(byId("connection"), t(word === "over" && !page.mayAct ? "connection.over.guest" : `connection.${word}`))
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
press("run-task", () => actions.attempt(() => actions.runTask({ taskDefinition: "batch-job:1", count: 1 }, { environment: { SECONDS_TO_WORK: "60" } })))
press("run-failing", () => actions.attempt(() => actions.runTask({ taskDefinition: "db-migrate:1", count: 1 }, { environment: { FAIL: "1" } })))
press("every-minute", () => actions.attempt(() => actions.everyMinute("batch-job")))
press("log-pause", () => log.pause())
byId("log-search").addEventListener("input", ({ target }) => log.search(target.value))
byId("log-search").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return
  event.target.value = ""
  log.search("")
  byId("log").focus()
})
press("log-copy", () => copy(log.text()))
press("help", () => byId("help-dialog").showModal())
press("challenge", ({ currentTarget }) => currentTarget.setAttribute("aria-pressed", String(challenge.toggle())))

async function copy(text) {
  const isCopied = (await navigator.clipboard?.writeText(text).then(() => true, () => false)) || copiedByHand(text)
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
function filter(name) {
  for (const button of document.querySelectorAll("[data-filter]")) button.setAttribute("aria-pressed", String(button.dataset.filter === name))
  log.filter(name)
}

for (const button of document.querySelectorAll("[data-filter]")) {
  button.addEventListener("click", () => {
    filter(button.dataset.filter)
  })
}

wireSettings(() => {
  byId("log-search").value = ""
  log.search("")
  filter("all")
})

document.addEventListener("keydown", (event) => {
  if (!byId("single-keys").checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return
  if (event.target.closest("input, select, textarea, dialog")) return
  if (event.key === "?") byId("help-dialog").showModal()
  if (event.key === "/" && root.dataset.projector !== "true") {
    event.preventDefault()
    byId("log-search").focus()
  }
  const tile = /^[1-9]$/.test(event.key) && event.target.closest(".tiles")?.children[Number(event.key) - 1]?.firstElementChild
  if (tile) {
    tile.focus()
    tile.click()
  }
})

page.showCommand(`aws ecs list-tasks --cluster ${boot.about.cluster}`, "aws.nothing")
draw()
stream.open()
