// What buttons do: operations of the APIs, one after the other, and the aws command that would do the same.

import { remembered } from "./settings.js"
import { persistently } from "./stream.js"
import { command, has, serviceScript, t } from "./words.js"

const BREAKER = { deploymentCircuitBreaker: { enable: true, rollback: true } }
const DEFAULT = "web-server:1"

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

  async runTask(members, environment = {}) {
    const family = members.taskDefinition.split(":")[0]
    const pairs = Object.entries(environment).map(([name, value]) => ({ name, value }))
    const overrides = pairs.length ? { overrides: { containerOverrides: [{ name: family, environment: pairs }] } } : {}
    const wished = { cluster: this.cluster, ...members, ...overrides }
    this.page.showCommand(command("RunTask", wished))
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
    let found = name
    for (let count = 2; taken.has(found); count += 1) found = `${name}-${count}`
    return found
  }

  place(described) {
    const container = mainOf(described.containerDefinitions)
    return container.portMappings?.length ? { container: container.name, port: container.portMappings[0].containerPort } : {}
  }

  async createService(name, definition = DEFAULT, count = 3) {
    const { cluster } = this
    const service = this.free(name)
    const { container, port } = this.place(await this.described(definition))
    this.page.showCommand(serviceScript({ cluster, service, definition, count, container, port }), port ? "aws.balanced" : "")
    const wished = { cluster, serviceName: service, taskDefinition: definition, desiredCount: count }
    if (port) {
      const made = await this.own("EnsureServiceLoadBalancer", { cluster, service })
      wished.loadBalancers = [{ targetGroupArn: made.targetGroupArn, containerName: container, containerPort: port }]
    }
    try {
      return (await this.ecs("CreateService", { ...wished, clientToken: token() })).service.serviceArn
    } catch (error) {
      if (port && error.isAnswer) await this.own("RemoveServiceLoadBalancer", { cluster, service }).catch(() => {})
      throw error
    }
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
    if (isBroken && this.place(described).port) environment.set("HEALTH", "500")
    else if (isBroken) main.command = ["broken"]
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
