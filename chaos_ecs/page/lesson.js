// What is explained: which one do I need, the quiz, use cases, how to run them, and predictions.

import { shortId } from "./reduce.js"
import { persistently } from "./stream.js"
import { make, put } from "./tiles.js"
import { command, serviceScript, t } from "./words.js"

const STAYS_GONE = 5000

const MESSAGES = "8"
const LIVES = "/live" // on ECS whoever fails the balancer's check is replaced, and a new API would have no database either

const one = (family) => ({ taskDefinition: `${family}:1`, count: 1 })

/** Use cases: what [try it] starts. */
export const USES = {
  web: (actions) => actions.createService("web", "web:1", 3),
  api: (actions) => actions.leaning("database", (before) => actions.createService("api", "api:1", 2, { path: LIVES, before })),
  worker: (actions) => actions.leaning("queue", async (before) => {
    const { script } = await actions.createService("worker", "queue-worker:1", 2, { before })
    return actions.runTask(one("queue-worker"), { words: ["feed", MESSAGES] }, `${before}${script}\n`)
  }),
  migrate: (actions) => actions.leaning("database", (before) => actions.runTask(one("migrate"), {}, before)),
  batch: (actions) => actions.leaning("database", (before) => actions.runTask(one("batch"), {}, before)),
  train: (actions) => actions.runTask(one("train")),
}

export class Lesson {
  constructor(page, actions) {
    this.page = page
    this.actions = actions
    this.right = 0
    this.asked = 0
    const decide = (event) => event.target.dataset.answer && this.decide(event.target.dataset.answer)
    document.getElementById("which").addEventListener("click", decide)
    for (const button of document.querySelectorAll("[data-try]")) {
      button.addEventListener("click", () => this.tried(button.dataset.try))
    }
    document.querySelector("[data-runs=service]")?.addEventListener("click", () => actions.attempt(() => actions.createService("my-web-app")))
    document.querySelector("[data-runs=task]")?.addEventListener("click", () =>
      actions.attempt(() => actions.runTask({ taskDefinition: "batch-job:1", count: 1, launchType: "FARGATE" })))
    this.how()
  }

  tried(name) {
    this.actions.attempt(() => USES[name](this.actions))
    document.getElementById("cluster").scrollIntoView({ block: "start" })
  }

  /** The two commands, with this cluster's names. */
  how() {
    const { cluster } = this.page.about
    const service = this.actions.free("my-web-app")
    if (service === this.named) return
    this.named = service
    put(document.getElementById("how-service"), serviceScript({ cluster, service, definition: "web-server:1", count: 3, container: "web-server", port: 8080 }))
    put(document.getElementById("how-task"), command("RunTask", { cluster, taskDefinition: "batch-job:1", count: 1, launchType: "FARGATE" }))
  }

  // --- which one do I need? ---

  decide(answer) {
    for (const button of document.querySelectorAll("[data-answer]")) button.setAttribute("aria-pressed", String(button.dataset.answer === answer))
    const side = answer === "yes" ? "service" : "standalone"
    const decision = make("p", { class: `decision ${side}` }, make("b", {}, t("which.decision")), " ", make("strong", {}, t(`${side}.card`)))
    document.getElementById("decision").replaceChildren(decision, make("p", {}, t(`which.${answer}`)))
    if (!document.querySelector("#quiz *")) this.begin()
  }

  async begin() {
    const box = document.getElementById("quiz")
    const start = make("button", { type: "button" }, t("quiz.start"))
    box.replaceChildren(start)
    start.addEventListener("click", async () => {
      this.questions ??= await (await persistently(() => fetch("/page/quiz.json"))).json()
      this.right = 0
      this.ask(0)
    })
  }

  ask(place) {
    const box = document.getElementById("quiz")
    const question = this.questions[place]
    if (!question) return this.done(box)
    const heading = make("h3", { tabIndex: -1 }, t("quiz.number", { n: place + 1, of: this.questions.length }))
    const text = make("p", { class: "question", id: "quiz-question" }, t(question.question))
    const buttons = make("div", { class: "buttons", role: "group", "aria-labelledby": "quiz-question" })
    const reason = make("div", { role: "status" })
    for (const choice of question.choices) {
      const button = make("button", { type: "button" }, t(`choice.${choice}`))
      button.addEventListener("click", () => this.answered(place, choice, buttons, button, reason), { once: true })
      buttons.append(button)
    }
    box.replaceChildren(heading, text, buttons, reason)
    heading.focus()
  }

  answered(place, choice, buttons, pressed, reason) {
    if (reason.childElementCount) return
    const question = this.questions[place]
    const isRight = choice === question.answer
    this.right += isRight
    pressed.setAttribute("aria-pressed", "true")
    for (const button of buttons.children) button.setAttribute("aria-disabled", "true")
    const verdict = make("p", {}, make("strong", { class: isRight ? "yes" : "no" }, t(isRight ? "quiz.right" : "quiz.wrong", { answer: t(`choice.${question.answer}`) })), " ", t(question.reason))
    const next = make("button", { type: "button", class: "primary" }, t(place + 1 < this.questions.length ? "quiz.next" : "quiz.end"))
    next.addEventListener("click", () => this.ask(place + 1))
    const row = make("div", { class: "buttons" }, next)
    if (question.try && this.page.mayAct) {
      const run = make("button", { type: "button" }, t("quiz.try"))
      run.addEventListener("click", () => this.tried(question.try))
      row.append(run)
    }
    reason.append(verdict, row)
  }

  done(box) {
    const said = make("p", { tabIndex: -1, class: "question" }, t("quiz.score", { right: this.right, of: this.questions.length }))
    const again = make("button", { type: "button" }, t("quiz.again"))
    again.addEventListener("click", () => { this.right = 0; this.ask(0) })
    box.replaceChildren(said, again)
    said.focus()
  }
}

/** Challenge: say what will happen, then see it happen. */
export class Challenge {
  constructor(page) {
    this.page = page
    this.isOn = false
    this.open = new Map() // what was said of a task, by its ARN, until it is seen
    this.right = 0
    this.of = 0
    this.dialog = document.getElementById("predict-dialog")
    this.said = document.getElementById("prediction")
  }

  toggle() {
    this.isOn = !this.isOn
    this.said.hidden = !this.isOn
    put(this.said, t("predict.on"))
    return this.isOn
  }

  /** Whether the kill is to go on. */
  async predicted(task) {
    if (!this.isOn) return true
    const key = task.serviceArn ? "predict.service" : "predict.standalone"
    put(document.getElementById("predict-what"), t(key, { task: shortId(task.arn), service: task.serviceArn?.split("/").at(-1) ?? "" }))
    this.dialog.returnValue = ""
    this.dialog.showModal()
    await new Promise((resolve) => this.dialog.addEventListener("close", resolve, { once: true }))
    const guess = this.dialog.returnValue
    if (!guess) return false
    this.open.set(task.arn, guess)
    put(this.said, t("predict.wait", { guess: t(`predict.${guess}`) }))
    return true
  }

  /** The kill was refused. */
  drop(arn) {
    if (this.open.delete(arn)) put(this.said, t("predict.on"))
  }

  hear(event) {
    if (event.type === "TASK_CREATED" && event.data.fills) this.settle(event.data.fills, "new")
    if (event.type === "TASK_STOPPED" && !event.service) setTimeout(() => this.settle(event.task, "gone"), STAYS_GONE)
  }

  settle(arn, truth) {
    if (!this.open.has(arn)) return
    const isRight = this.open.get(arn) === truth
    this.of += 1
    this.right += isRight
    this.open.delete(arn)
    const verdict = t(isRight ? "predict.right" : "predict.wrong")
    put(this.said, `${verdict} ${t(`predict.truth.${truth}`)} ${t("predict.score", { right: this.right, of: this.of })}`)
  }
}
