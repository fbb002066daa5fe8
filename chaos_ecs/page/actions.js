// What buttons do: operations of the APIs, one after the other, and the aws command that would do the same.

import { remembered } from "./settings.js"
import { persistently } from "./stream.js"
import { command, has, serviceScript, t } from "./words.js"

const BREAKER = { deploymentCircuitBreaker: { enable: true, rollback: true } }
const DEFAULT = "web-server:1"
const DEMO = "chaos-ecs/demo:" // its web answers what HEALTH says
const ONE_AT_MOST = { minimumHealthyPercent: 0, maximumPercent: 100 } // two on one volume would wait for each other
const UNTIL_IT_RUNS = 600_000 // its image may have to be built first
const ROLE = "role/ecsEventsRole"
const REPLACED = ["Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "Description", "KmsKeyArn", "FlexibleTimeWindow", "Target", "ActionAfterCompletion"]

const ONCE = new Set(["InjectFault"]) // twice would be one more; what is started has a token

export class Refusal extends Error {
  /** `isAnswer`: somebody said no; else nobody answered, and it may have been done all the same. */
  constructor(message, isAnswer = true) {
    super(message)
    this.isAnswer = isAnswer
  }
}

const token = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")

export class Actions {
  /** `page` has about, state, until(test, ms), say(text, kind), showCommand(text, remark), over(). */
  constructor(page) {
    this.page = page
    this.definitions = new Map()
    this.leanedOn = new Map() // what is waited for until it runs, by the service's name
  }

  get cluster() {
    return this.page.about.cluster
  }

  async post(api, operation, body) {
    let answer
    try {
      const ask = () => fetch(`/page/do/${api}/${operation}?region=${encodeURIComponent(this.page.about.region)}`, {
        method: "POST", headers: { "content-type": "application/json", "x-chaos-ecs-act": remembered("act") ?? "" }, body: JSON.stringify(body),
      })
      answer = await (ONCE.has(operation) ? ask() : persistently(ask))
    } catch {
      throw new Refusal(t(ONCE.has(operation) ? "refused.broken" : "refused.nobody"), false)
    }
    const told = await answer.json().catch(() => ({}))
    if (answer.status === 401) this.page.over()
    if (!answer.ok) throw new Refusal(told.message ?? told.Message ?? String(answer.status))
    return told
  }

  ecs = (operation, body) => this.post("ecs", operation, body)
  own = (operation, body) => this.post("chaos-ecs", operation, body)
  scheduler = (operation, body) => this.post("scheduler", operation, body)

  /** Does it, and says so when it was refused. */
  async attempt(work) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.page.say(t("refused", { why: error.message }), "refused")
      return null
    }
  }

  // --- tasks ---

  async kill(...arns) {
    this.page.showCommand(arns.map((arn) => command("StopTask", { cluster: this.cluster, task: arn })).join("\n"), "aws.kill")
    return this.own("KillTasks", { cluster: this.cluster, tasks: arns })
  }

  /** `before`: the commands of what it leans on. */
  async runTask(members, { environment = {}, words = [] } = {}, before = "") {
    const container = { name: members.taskDefinition.split(":")[0] }
    const pairs = Object.entries(environment).map(([name, value]) => ({ name, value }))
    if (pairs.length) container.environment = pairs
    if (words.length) container.command = words
    const overrides = Object.keys(container).length > 1 ? { overrides: { containerOverrides: [container] } } : {}
    const wished = { cluster: this.cluster, ...members, ...overrides }
    this.page.showCommand(before + command("RunTask", wished))
    const told = await this.ecs("RunTask", { ...wished, clientToken: token() })
    if (!told.tasks?.length) throw new Refusal(told.failures?.[0]?.reason ?? "RunTask")
    return told.tasks[0].taskArn
  }

  // --- services ---

  async described(definition) {
    if (!this.definitions.has(definition)) {
      const told = this.ecs("DescribeTaskDefinition", { taskDefinition: definition }).then((answer) => answer.taskDefinition)
      this.definitions.set(definition, told)
      told.catch(() => this.definitions.delete(definition))
    }
    return this.definitions.get(definition)
  }

  /** The name, or with a number the next one that no service has. */
  free(name) {
    const taken = new Set(this.page.state.services.filter((service) => service.status !== "INACTIVE").map((service) => service.name))
    return unused(name, taken)
  }

  place(described) {
    const container = mainOf(described.containerDefinitions)
    return container.portMappings?.length ? { container: container.name, port: container.portMappings[0].containerPort } : {}
  }

  /** `path` is what the balancer asks for, `before` the commands of what it leans on. Answers its ARN and its script. */
  async createService(name, definition = DEFAULT, count = 3, { path, before = "" } = {}) {
    const { cluster } = this
    const service = this.free(name)
    const { container, port } = this.place(await this.described(definition))
    const script = serviceScript({ cluster, service, definition, count, container, port, path })
    this.page.showCommand(before + script, port ? "aws.balanced" : "")
    const wished = { cluster, serviceName: service, taskDefinition: definition, desiredCount: count }
    if (port) {
      const made = await this.own("EnsureServiceLoadBalancer", { cluster, service, healthCheckPath: path })
      wished.loadBalancers = [{ targetGroupArn: made.targetGroupArn, containerName: container, containerPort: port }]
    }
    try {
      const told = await this.ecs("CreateService", { ...wished, clientToken: token() })
      return { arn: told.service.serviceArn, script }
    } catch (error) {
      if (port && error.isAnswer) await this.own("RemoveServiceLoadBalancer", { cluster, service }).catch(() => {})
      throw error
    }
  }

  /** Does `work` once the service that it leans on runs: one task of `name`, made where there is none. `work` is given
   *  the commands of that, for a shell that has none of it. The rest of the wait is the programs' own: it must be healthy. */
  async leaning(name, work) {
    const { cluster, page } = this
    const found = () => page.state.services.find((item) => item.clusterArn === page.about.clusterArn && item.name === name && item.status === "ACTIVE")
    const runs = () => found()?.desiredCount > 0 && found().runningCount >= found().desiredCount
    if (found()?.desiredCount === 0) throw new Refusal(t("leaning.late", { service: name }))
    const wished = { cluster, serviceName: name, taskDefinition: `${name}:1`, desiredCount: 1, deploymentConfiguration: ONE_AT_MOST }
    const commands = found() || this.leanedOn.has(name) ? [] : [command("CreateService", wished)]
    if (!runs()) commands.push(`aws ecs wait services-stable \\\n  --cluster ${cluster} --services ${name}`)
    const before = commands.map((line) => `${line}\n`).join("")
    if (before) page.showCommand(before.trimEnd())
    if (!runs()) {
      page.say(t("leaning", { service: name }), "waits")
      if (!this.leanedOn.has(name)) this.leanedOn.set(name, this.lean(found() ? null : wished, runs).finally(() => this.leanedOn.delete(name)))
      if (!(await this.leanedOn.get(name))) throw new Refusal(t("leaning.late", { service: name }))
      page.say(t("leaning.there", { service: name }), "said")
    }
    return work(before)
  }

  async lean(wished, runs) {
    if (wished) await this.ecs("CreateService", { ...wished, clientToken: token() })
    return this.page.until(runs, UNTIL_IT_RUNS)
  }

  async scale(service, desiredCount) {
    const wished = { cluster: this.cluster, service: service.name, desiredCount }
    this.page.showCommand(command("UpdateService", wished))
    return this.ecs("UpdateService", wished)
  }

  /** A new revision of what the service has: a version further, or one that cannot work. */
  async deploy(service, isBroken) {
    const described = await this.described(live(service))
    const containers = structuredClone(described.containerDefinitions)
    const main = mainOf(containers)
    const environment = new Map((main.environment ?? []).map((item) => [item.name, item.value]))
    environment.set("VERSION", isBroken ? "broken" : nextVersion(described))
    environment.delete("HEALTH")
    if (isBroken && this.place(described).port && main.image.startsWith(DEMO)) environment.set("HEALTH", "500")
    else if (isBroken) Object.assign(main, { entryPoint: ["false"], command: [] })
    main.environment = [...environment].map(([name, value]) => ({ name, value }))
    const registered = { ...members(described), containerDefinitions: containers.map(asAsked) }
    const made = (await this.ecs("RegisterTaskDefinition", registered)).taskDefinition
    const taskDefinition = `${made.family}:${made.revision}`
    const wished = { cluster: this.cluster, service: service.name, taskDefinition, deploymentConfiguration: BREAKER }
    const newest = { ...wished, taskDefinition: made.family } // the revision that the command before it makes
    this.page.showCommand(`${command("RegisterTaskDefinition", registered)}\n${command("UpdateService", newest)}`)
    return this.ecs("UpdateService", wished)
  }

  async remove(service) {
    const { cluster } = this
    const wished = { cluster, service: service.name, force: true }
    this.page.showCommand(command("DeleteService", wished), service.targetGroups.length ? "aws.delete" : "")
    await this.ecs("DeleteService", wished)
    if (!service.targetGroups.length) return
    const isGone = () => ![...this.page.state.tasks.values()].some((task) => task.serviceArn === service.arn && task.lastStatus !== "STOPPED")
    await this.page.until(isGone, 60_000)
    await this.own("RemoveServiceLoadBalancer", { cluster, service: service.name })
  }

  // --- schedules ---

  /** A schedule that starts a task of the family's newest revision, now and every minute. */
  async everyMinute(family) {
    const taken = new Set((this.page.state.schedules ?? []).filter((item) => item.group === "default").map((item) => item.name))
    const base = this.page.about.clusterArn.split(":cluster/")[0]
    const wished = {
      Name: unused("every-minute", taken), ScheduleExpression: "rate(1 minute)", FlexibleTimeWindow: { Mode: "OFF" },
      Target: { Arn: this.page.about.clusterArn, RoleArn: `${base.replace(/:ecs:[\w-]*:/, ":iam::")}:${ROLE}`, EcsParameters: { TaskDefinitionArn: `${base}:task-definition/${family}` } },
    }
    this.page.showCommand(command("CreateSchedule", wished, "scheduler"), "aws.schedule")
    return this.scheduler("CreateSchedule", { ...wished, ClientToken: token() })
  }

  /** Scheduler has no operation for the state alone: all that was said is said again. */
  async turn(schedule, state) {
    const told = await this.scheduler("GetSchedule", { Name: schedule.name, GroupName: schedule.group })
    const said = REPLACED.filter((name) => told[name] !== undefined && !(name === "GroupName" && told[name] === "default"))
    const wished = { ...Object.fromEntries(said.map((name) => [name, told[name]])), State: state }
    const iso = (name) => (typeof wished[name] === "number" ? { [name]: new Date(wished[name] * 1000).toISOString() } : {})
    this.page.showCommand(command("UpdateSchedule", { ...wished, ...iso("StartDate"), ...iso("EndDate") }, "scheduler"), "aws.turn")
    return this.scheduler("UpdateSchedule", wished)
  }

  async removeSchedule({ name, group }) {
    const wished = { Name: name, ...(group === "default" ? {} : { GroupName: group }) }
    this.page.showCommand(command("DeleteSchedule", wished, "scheduler"))
    return this.scheduler("DeleteSchedule", wished)
  }
}

/** The name, or with a number the next one that is not taken. */
function unused(name, taken) {
  let found = name
  for (let count = 2; taken.has(found); count += 1) found = `${name}-${count}`
  return found
}

/** The container that is meant when one is spoken of: the one with a port, or else the first. */
const mainOf = (containers) => containers.find((item) => item.portMappings?.length) ?? containers[0]

/** The newest revision of a service that has worked: one that was rolled back is nothing to build on. */
export const live = (service) => service.deployments.find((item) => item.rolloutState === "COMPLETED")?.taskDefinition ?? service.taskDefinition

const TOLD_ONLY = new Set(["taskDefinitionArn", "revision", "status", "registeredAt", "registeredBy", "compatibilities", "requiresAttributes"])

/** What of a task definition is registered again: all that was asked for. */
function members(described) {
  const isEmpty = (value) => value === null || (Array.isArray(value) && !value.length)
  return Object.fromEntries(Object.entries(described).filter(([name, value]) => !TOLD_ONLY.has(name) && !isEmpty(value)))
}

/** v1, or nothing -> v2, v2 -> v3 */
export function nextVersion(described) {
  const told = (mainOf(described.containerDefinitions).environment ?? []).find((item) => item.name === "VERSION")?.value ?? "v1"
  const count = /^v(\d+)$/.exec(told)?.[1] ?? 1
  return `v${Number(count) + 1}`
}

/** A container definition without the empty members that an answer has and a request has not. */
function asAsked(container) {
  const isSaid = ([, value]) => value !== null && value !== 0 && value !== "" && !(Array.isArray(value) && !value.length)
  const ports = (container.portMappings ?? []).map(({ containerPort }) => ({ containerPort }))
  return Object.fromEntries(Object.entries({ ...container, portMappings: ports }).filter(isSaid))
}

export const remark = (key) => (key && has(key) ? t(key) : "")
