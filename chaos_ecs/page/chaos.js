// What hurts on purpose: the same kill on both sides, faults of the catalogue, and the score of a chaos run.

import { isStopped, percentile, shortId, victims } from "./reduce.js"
import { make, put } from "./tiles.js"
import { dashed, number, quoted, seconds, t } from "./words.js"
import { Refusal } from "./actions.js"

const PATIENCE = 60_000
const EVERY = 5000
const LASTS = 60_000
const LEAST_FOR_P50 = 5
const RACE_SHOWN = 60 // seconds
const AGAIN = 3000

const after = (pause) => new Promise((resolve) => setTimeout(resolve, pause))

/** The seed of the n-th hit, as `chaos-ecs chaos run` draws it: the same seed hits the same tasks there. */
async function seedOf(seed, turn) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${seed}/${turn}`))
  return new DataView(digest).getUint32(4) % 2 ** 31
}

/** A running service, made where there is none. Answers its ARN. */
async function someService(page, actions) {
  const found = page.services().find((service) => service.status === "ACTIVE" && victims(page, service.arn).length)
  if (found) return found.arn
  page.say(t("both.makes"), "said")
  const { arn } = await actions.createService("web")
  const isThere = () => page.state.services.find((service) => service.arn === arn && service.steady && service.runningCount > 0)
  if (!(await page.until(isThere, PATIENCE))) throw new Refusal(t("both.late"))
  return arn
}

/** A standalone task of the same kind that runs. Answers its ARN. */
async function someTask(page, actions, definition, isFresh) {
  const found = isFresh ? null : victims(page, null).find((task) => task.taskDefinition === definition)
  if (found) return found.arn
  const arn = await actions.runTask({ taskDefinition: definition, count: 1 })
  if (!(await page.until(() => page.state.tasks.get(arn)?.lastStatus === "RUNNING", PATIENCE))) throw new Refusal(t("both.late"))
  return arn
}

// --- the same kill on both sides ---

export class Race {
  constructor(page, actions) {
    this.page = page
    this.actions = actions
    this.box = document.getElementById("both-race")
    const button = document.getElementById("kill-both")
    button?.addEventListener("click", async () => {
      if (button.getAttribute("aria-disabled") === "true") return
      button.setAttribute("aria-disabled", "true")
      await actions.attempt(() => this.run()).finally(() => button.removeAttribute("aria-disabled"))
    })
  }

  async run() {
    const { page, actions } = this
    const service = await someService(page, actions)
    const definition = page.state.services.find((item) => item.arn === service).taskDefinition
    const lone = await someTask(page, actions, definition, false)
    const found = victims(page, service)
    if (!found.length) throw new Refusal(t("both.late"))
    this.race = { service, victim: found[Math.floor(Math.random() * found.length)].arn, lone, since: null, back: null, heir: "", again: 0 }
    this.build()
    await actions.kill(this.race.victim, lone)
  }

  hear(event) {
    const { race } = this
    if (!race) return
    if (event.type === "TASK_KILLED" && event.task === race.victim) race.since = event.at
    if (event.type === "TASK_KILLED" && event.task === race.lone) race.loneSince = event.at
    if (event.type === "TASK_CREATED" && event.data.fills === race.victim) race.heir = event.task
    if (event.type === "TASK_CREATED" && event.data.fills === race.lone) race.again += 1
    if (event.type === "SERVICE_RECOVERED" && event.service === race.service && race.since && race.back === null) race.back = event.data.seconds
  }

  build() {
    const lane = (side) => {
      const parts = { word: make("strong", { class: "kind" }, t(`side.${side}`)), said: make("span", { class: "said" }), figure: make("b", { class: "figure" }), bar: make("i") }
      const row = make("div", { class: `lane ${side}` }, parts.word, parts.figure, make("span", { class: "track" }, parts.bar), parts.said)
      return { row, ...parts }
    }
    this.lanes = { service: lane("service"), standalone: lane("standalone") }
    this.box.replaceChildren(this.lanes.service.row, this.lanes.standalone.row)
    this.box.hidden = false
  }

  draw(now) {
    const { race, lanes } = this
    if (!race?.since) return
    const gone = Math.max(0, now - (race.loneSince ?? race.since))
    const open = Math.max(0, race.back ?? now - race.since)
    const most = Math.max(3, Math.min(RACE_SHOWN, gone))
    const figure = (value) => seconds(Math.min(value, 3600))
    put(lanes.service.figure, figure(open))
    put(lanes.standalone.figure, figure(gone))
    lanes.service.bar.style.width = `${Math.min(100, (100 * open) / most)}%`
    lanes.standalone.bar.style.width = `${Math.min(100, (100 * gone) / most)}%`
    lanes.service.row.dataset.over = String(race.back !== null)
    put(lanes.service.said, race.back === null
      ? t("both.open", { task: shortId(race.victim) })
      : t("both.back", { task: shortId(race.victim), heir: shortId(race.heir), seconds: seconds(race.back) }))
    put(lanes.standalone.said, t("both.gone", { task: shortId(race.lone), n: race.again }))
  }
}

// --- faults of the catalogue ---

export class Faults {
  constructor(page, actions) {
    this.page = page
    this.actions = actions
    this.form = document.getElementById("fault-form")
    if (!this.form) return
    this.names = document.getElementById("fault-name")
    this.targets = document.getElementById("fault-target")
    this.open = document.getElementById("open-faults")
    this.names.addEventListener("change", () => this.choose())
    this.targets.addEventListener("change", () => (this.isChosen = true))
    this.names.addEventListener("focus", () => this.judge(), { once: true })
    this.form.addEventListener("submit", (event) => {
      event.preventDefault()
      actions.attempt(() => this.inject())
    })
    this.load()
  }

  async load() {
    const told = await this.actions.own("ListFaults", {}).catch(() => null)
    if (!told) return void setTimeout(() => this.load(), AGAIN)
    this.catalogue = new Map(told.faults.map((fault) => [fault.name, fault]))
    const groups = new Map()
    for (const fault of told.faults.filter(({ scope }) => scope !== "nothing")) { // those are steps of experiments
      if (!groups.has(fault.scope)) groups.set(fault.scope, make("optgroup", { label: t(`scope.${fault.scope.replaceAll(" ", "-")}`) }))
      groups.get(fault.scope).append(make("option", { value: fault.name }, fault.name))
    }
    this.names.replaceChildren(...groups.values())
    this.choose()
  }

  /** What does not work on this machine; asked when somebody looks, for it takes a while. */
  async judge() {
    const told = await this.actions.own("ListFaults", { judge: true }).catch(() => null)
    for (const fault of told?.faults ?? []) {
      const option = [...this.names.options].find((item) => item.value === fault.name)
      if (!option || fault.verdict !== "impossible here") continue
      option.disabled = true
      option.textContent = t("faults.impossible", { name: fault.name })
      option.title = fault.reason ?? ""
    }
  }

  choose() {
    const fault = this.catalogue?.get(this.names.value)
    if (!fault) return
    put(document.getElementById("fault-sentence"), fault.sentence)
    document.getElementById("fault-parameters").replaceChildren(...fault.parameters.map((parameter) => this.field(parameter)))
    document.getElementById("fault-target-label").hidden = !["tasks", "service"].includes(fault.scope)
    this.seenTargets = ""
    this.show()
  }

  field(parameter) {
    const { name, kind, help, choices } = parameter
    const input = choices?.length
      ? make("select", {}, ...choices.map((choice) => make("option", { value: choice }, choice)))
      : make("input", { type: kind === "number" ? "number" : "text" })
    input.name = name
    input.value = parameter.default ?? ""
    input.required = parameter.default === undefined
    if (kind === "number") {
      if (parameter.least !== undefined) input.min = parameter.least
      if (parameter.most !== undefined) input.max = parameter.most
    }
    return make("label", {}, make("span", {}, make("code", {}, name), ` ${help}`), input)
  }

  async inject() {
    const fault = this.catalogue?.get(this.names.value)
    if (!fault) return
    const told = [...document.getElementById("fault-parameters").querySelectorAll("[name]")].filter((input) => input.value !== "")
    const parameters = Object.fromEntries(told.map((input) => [input.name, input.value]))
    const body = { cluster: this.page.about.cluster, name: fault.name, parameters }
    const [kind, ...rest] = this.targets.value.split(":")
    const name = rest.join(":")
    if (fault.scope === "tasks") Object.assign(body, kind === "standalone" ? { standalone: true, count: 1 } : { service: name, ...(kind === "all" ? { all: true, force: true } : { count: 1 }) })
    if (fault.scope === "service") body.service = name
    const changed = told.filter((input) => input.value !== (fault.parameters.find((item) => item.name === input.name).default ?? ""))
    const words = changed.map((input) => `--${dashed(input.name)} ${quoted(input.value.replace(/^PT(\d+)([SMH])$/, (_, n, unit) => n + unit.toLowerCase()))}`)
    const whom = body.service ? ` ${body.service}${body.all ? " --all --force" : ""}` : body.standalone ? " --standalone" : ""
    this.page.showCommand(`chaos-ecs chaos inject ${fault.name}${whom}${words.map((word) => ` ${word}`).join("")}`, "aws.fault")
    await this.actions.own("InjectFault", body)
  }

  show() {
    if (!this.form) return
    const services = this.page.services().filter((service) => service.status === "ACTIVE").map((service) => service.name)
    const scope = this.catalogue?.get(this.names.value)?.scope
    const seen = JSON.stringify([services, scope])
    if (seen !== this.seenTargets) {
      this.seenTargets = seen
      const before = this.targets.value
      const options = services.flatMap((name) => scope === "service"
        ? [["one", name, t("target.service", { name })]]
        : [["one", name, t("target.one", { name })], ["all", name, t("target.all", { name })]])
      if (scope !== "service") options.push(["standalone", "", t("target.standalone")])
      this.targets.replaceChildren(...options.map(([kind, name, text]) => make("option", { value: `${kind}:${name}` }, text)))
      if (this.isChosen && [...this.targets.options].some((option) => option.value === before)) this.targets.value = before
    }
    this.showOpen(this.page.state.faults ?? [])
  }

  showOpen(faults) {
    document.getElementById("no-faults").hidden = faults.length > 0
    const seen = JSON.stringify(faults.map((fault) => [fault.fault, fault.status, fault.victims?.map((victim) => victim.proof || victim.trouble)]))
    if (seen === this.seenOpen) return
    this.seenOpen = seen
    const hadFocus = this.open.contains(document.activeElement)
    this.open.replaceChildren(...faults.map((fault) => {
      const whom = (fault.victims ?? []).map((victim) => shortId(victim.task || victim.service || "")).filter(Boolean).join(" ")
      const button = make("button", { type: "button", "aria-label": t("faults.undo.name", { name: fault.name, whom }) }, t("faults.undo"))
      button.addEventListener("click", () => {
        this.page.showCommand(`chaos-ecs chaos undo ${fault.fault}`, "aws.fault")
        this.actions.attempt(() => this.actions.own("UndoFaults", { faults: [fault.fault] }))
      })
      const proof = (fault.victims ?? []).map((victim) => victim.trouble || victim.proof).filter(Boolean).join("; ")
      return make("li", {}, make("b", {}, fault.status), " ", make("code", {}, fault.name ?? fault.fault), " ", whom, " ", button, make("span", { class: "quiet" }, proof))
    }))
    if (hadFocus) (this.open.querySelector("button") ?? this.names).focus()
  }
}

// --- the score of a chaos run ---

export class Score {
  constructor(page, actions) {
    this.page = page
    this.actions = actions
    this.box = document.getElementById("score")
    this.button = document.getElementById("chaos-run")
    this.button?.addEventListener("click", () => (this.goes ? this.stop() : actions.attempt(() => this.run())))
  }

  stop() {
    this.goes = null
    put(this.button, t("score.button"))
  }

  client() {
    return this.page.state.services.find((item) => item.arn === this.score.service)?.client ?? null
  }

  async run() {
    const { page, actions } = this
    const goes = (this.goes = {})
    put(this.button, t("score.stop"))
    const says = document.getElementById("score-says")
    put(says, t("score.prepares"))
    let control = null
    try {
      const service = await someService(page, actions)
      const definition = page.state.services.find((item) => item.arn === service).taskDefinition
      control = await someTask(page, actions, definition, true)
      if (this.goes !== goes) return
      const seed = Math.floor(Math.random() * 1_000_000)
      this.score = { service, control, seed, since: page.now(), faults: new Set(), early: [], open: [], kills: 0, spared: 0, recoveries: [], replaced: 0, killedAt: null, before: null }
      this.score.before = this.client()
      this.build()
      await this.hit(goes)
    } finally {
      if (says.textContent === t("score.prepares")) put(says, "")
      if (control && !(this.score?.control === control && this.score.killedAt !== null)) this.leave(control)
      if (this.goes === goes) this.stop()
    }
  }

  /** A run leaves nothing behind: its control, where nobody killed it. */
  leave(control) {
    this.actions.ecs("StopTask", { cluster: this.page.about.cluster, task: control, reason: "the chaos run is over" }).catch(() => {})
  }

  async hit(goes) {
    const { page, actions, score } = this
    const { cluster } = page.about
    const service = page.state.services.find((item) => item.arn === score.service).name
    page.showCommand(`chaos-ecs chaos run ${service} --every 5s --for 60s --seed ${score.seed}`, "aws.fault")
    put(document.getElementById("score-says"), t("score.goes", { service, seed: score.seed }))
    const start = performance.now()
    for (let turn = 1; turn * EVERY < LASTS; turn += 1) {
      await after(Math.max(0, start + turn * EVERY - performance.now()))
      if (this.goes !== goes) break
      const seed = await seedOf(score.seed, turn)
      const hit = await actions.own("InjectFault", { cluster, name: "kill", service, count: 1, seed }).catch(() => null)
      if (hit) score.faults.add(hit.fault)
      else score.spared += 1
      if (hit) for (const kill of score.early.splice(0)) this.hear(kill)
      if (hit && score.killedAt === null) await actions.own("KillTasks", { cluster, tasks: [score.control] }).catch(() => {})
    }
    if (this.goes === goes) await after(Math.max(0, start + LASTS - performance.now()))
    await this.page.until(() => !score.open.length, 10_000)
    score.client = this.client()
    score.isOver = true
    if (this.score !== score) return // another run has begun
    this.draw()
    const { recoveries } = score
    put(document.getElementById("score-says"), t(score.killedAt === null ? "score.over.early" : "score.over", { service, kills: score.kills, recovered: recoveries.length, worst: recoveries.length ? seconds(Math.max(...recoveries)) : "-" }))
  }

  /** Only its own kills count. A kill is made good when its service is whole again, whoever else has died meanwhile. */
  hear(event) {
    const { score } = this
    if (!score || event.at < score.since) return
    if (event.type === "TASK_KILLED" && event.task === score.control) score.killedAt = event.at
    if (event.type === "TASK_CREATED" && event.data.fills === score.control) score.replaced += 1
    if (score.isOver || event.service !== score.service) return
    if (event.type === "TASK_KILLED" && event.data.fault) this.count(event)
    if (event.type === "SERVICE_RECOVERED" || event.type === "SERVICE_STEADY") {
      for (const at of score.open.splice(0)) score.recoveries.push(event.at - at)
    }
  }

  /** The event may come before the answer that says which fault it was. */
  count(kill) {
    const { score } = this
    if (!score.faults.has(kill.data.fault)) return void score.early.push(kill)
    score.kills += 1
    score.open.push(kill.at)
  }

  build() {
    this.values = {}
    const rows = ["kills", "recovered", "p50", "worst", "client", "control"].map((name) => {
      this.values[name] = make("dd")
      return make("div", {}, make("dt", {}, t(`score.${name}`)), this.values[name])
    })
    this.box.replaceChildren(...rows)
    this.box.hidden = false
  }

  draw() {
    const { score, values, page } = this
    if (!score || !values) return
    const { recoveries } = score
    put(values.kills, score.spared ? t("score.spared", { n: score.kills, spared: score.spared }) : number(score.kills))
    put(values.recovered, t("score.of", { n: recoveries.length, of: score.kills }))
    put(values.p50, recoveries.length < LEAST_FOR_P50 ? t("score.few", { n: recoveries.length }) : t("score.n", { value: seconds(percentile(recoveries, 50)), n: recoveries.length }))
    put(values.worst, recoveries.length ? seconds(Math.max(...recoveries)) : "-")
    const client = score.client ?? this.client()
    put(values.client, client ? t("score.requests", { failed: number(client.failed - (score.before?.failed ?? 0)), requests: number(client.requests - (score.before?.requests ?? 0)) }) : t("score.nobody"))
    const control = page.state.tasks.get(score.control)
    const isGone = score.killedAt !== null || (control && isStopped(control))
    put(values.control, isGone ? t(score.replaced ? "score.replaced" : "score.never", { task: shortId(score.control), seconds: seconds(Math.max(0, page.now() - (score.killedAt ?? page.now()))) }) : t("score.waits", { task: shortId(score.control) }))
  }
}
