// The cluster as the page knows it: a snapshot of /state, and events that came after it. Pure: no page, no clock, no network.

const RUNS = new Set(["RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING"])
const WAITS = new Set(["PROVISIONING", "PENDING"])
const NEXT = {
  TASK_PENDING: "PENDING", TASK_PULLING: "PENDING", TASK_ACTIVATING: "ACTIVATING", TASK_RUNNING: "RUNNING",
  TASK_STOPPING: "STOPPING", TASK_STOPPED: "STOPPED",
}
const ORDER = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]

export const shortId = (arn) => arn.slice(arn.lastIndexOf("/") + 1).slice(0, 6)
export const nameOf = (arn) => arn.slice(arn.lastIndexOf("/") + 1)
export const isStopped = (task) => task.lastStatus === "STOPPED"
/** It has run and has not stopped yet. */
export const runs = (task) => RUNS.has(task.lastStatus)

const LIVES_ON = 10 // seconds after which a task that still runs was not killed

/** Other signals may be survived. */
const isKill = (event) => event.type === "TASK_KILLED" && /^((SIG)?KILL|9)$/.test(event.data.signal ?? "KILL")

/** A snapshot with its tasks by ARN; `before` hands on what no snapshot tells: who was killed, and who waits for an image. */
export function indexed(snapshot, before = null) {
  const health = new Map()
  for (const group of snapshot.targetGroups ?? []) {
    for (const target of group.targets) if (target.taskArn) health.set(target.taskArn, target)
  }
  const tasks = new Map(snapshot.tasks.map((task) => [task.arn, task]))
  const livesOn = (task, at) => task.lastStatus === "RUNNING" && snapshot.at > at + LIVES_ON
  const killed = new Map([...(before?.killed ?? [])].filter(([arn, at]) => tasks.has(arn) && !livesOn(tasks.get(arn), at)))
  const pulling = new Map([...(before?.pulling ?? [])].filter(([arn]) => WAITS.has(tasks.get(arn)?.lastStatus)))
  return { ...snapshot, tasks, health, killed, pulling }
}

/** Who was killed, and who waits for which image, by the events that came before a snapshot. */
export function remembering(before, events) {
  const killed = new Map(before?.killed ?? [])
  const pulling = new Map(before?.pulling ?? [])
  for (const event of events) {
    if (isKill(event)) killed.set(event.task, event.at)
    if (event.type === "TASK_PULLING") pulling.set(event.task, event.data.image)
  }
  return { killed, pulling }
}

/** The newest snapshot with the events that it does not contain yet. */
export function merged(snapshot, events, before) {
  let state = indexed(snapshot, remembering(before, events))
  for (const event of events) {
    if (event.number > snapshot.number) state = reduce(state, event)
  }
  return state
}

/** The state after an event. What an event does not tell of comes with the next snapshot. */
export function reduce(state, event) {
  if (event.number <= state.number) return state
  const next = { ...state, number: event.number, at: Math.max(state.at, event.at) }
  const status = NEXT[event.type]
  if (event.type === "TASK_CREATED") return withTask(next, created(next, event))
  if (event.type === "ENGINE_LOST") return { ...next, engine: { ...state.engine, connected: false, reason: event.message } }
  if (event.type === "ENGINE_CONNECTED") return { ...next, engine: { ...state.engine, connected: true, reason: "" } }
  if (event.type.startsWith("SERVICE_")) return withService(next, event)
  if (event.type.startsWith("INSTANCE_")) return { ...next, containerInstances: instancesAfter(state.containerInstances ?? [], event) }
  const task = state.tasks.get(event.task)
  if (!task) return next
  if (isKill(event)) return { ...next, killed: new Map(state.killed).set(task.arn, event.at) }
  if (event.type === "TASK_HEALTHY") return withHealth(next, task.arn, "healthy")
  if (event.type === "TARGET_HEALTH_CHANGED") return withHealth(next, task.arn, event.data.state)
  if (!status || ORDER.indexOf(status) < ORDER.indexOf(task.lastStatus)) return next
  if (event.type === "TASK_PULLING") next.pulling = new Map(state.pulling).set(task.arn, event.data.image)
  return withTask(next, { ...task, lastStatus: status, ...told(event, task) })
}

const withTask = (state, task) => ({ ...state, tasks: new Map(state.tasks).set(task.arn, task) })

function withHealth(state, arn, word) {
  const before = state.health.get(arn) ?? { taskArn: arn, reason: "" }
  return { ...state, health: new Map(state.health).set(arn, { ...before, state: word }) }
}

function created(state, event) {
  return {
    arn: event.task, id: nameOf(event.task), clusterArn: event.cluster, serviceArn: event.service || null,
    taskDefinition: "", group: "", startedBy: "", lastStatus: "PROVISIONING", desiredStatus: "RUNNING",
    healthStatus: "UNKNOWN", createdAt: event.at, startedAt: null, stoppedAt: null, stopCode: null, stoppedReason: null,
    exitCode: null, fills: event.data.fills || null, number: Number.MAX_SAFE_INTEGER - 1e9 + event.number, containers: [],
    ...(state.tasks.get(event.task) ?? {}),
  }
}

function told(event, task) {
  if (event.type === "TASK_RUNNING") return { startedAt: task.startedAt ?? event.at, fills: task.fills ?? event.data.fills ?? null }
  if (event.type !== "TASK_STOPPED") return {}
  const { stopCode = null, stoppedReason = null, exitCode = null } = event.data
  return { stoppedAt: event.at, desiredStatus: "STOPPED", stopCode, stoppedReason, exitCode }
}

function withService(state, event) {
  const change = {
    SERVICE_STEADY: { steady: true },
    SERVICE_RECOVERED: { lastRecoverySeconds: event.data.seconds },
    SERVICE_UPDATED: { desiredCount: event.data.desiredCount, steady: false },
    SERVICE_SCALED: { desiredCount: event.data.desiredCount },
  }[event.type]
  if (!change) return state
  const services = state.services.map((service) => (service.arn === event.service ? { ...service, ...change } : service))
  return { ...state, services }
}

function instancesAfter(known, event) {
  const { instance: arn, name, zone, status, engine } = event.data
  if (event.type === "INSTANCE_DEREGISTERED") return known.filter((item) => item.arn !== arn)
  if (event.type === "INSTANCE_REGISTERED") {
    const isThere = { status: "ACTIVE", agentConnected: true, cpu: 0, memory: 0, cpuUsed: 0, memoryUsed: 0, running: 0, pending: 0 }
    return [...known.filter((item) => item.arn !== arn), { arn, name, zone, clusterArn: event.cluster, engine: engine ?? "", ...isThere }]
  }
  const change = {
    INSTANCE_STATUS_CHANGED: { status },
    INSTANCE_CONNECTED: { agentConnected: true },
    INSTANCE_DISCONNECTED: { agentConnected: false },
    INSTANCE_LOST: { agentConnected: false },
  }[event.type]
  return known.map((item) => (item.arn === arn ? { ...item, ...change } : item))
}

// --- what is seen of it ---

/** A cluster's container instances by zone, each with the tasks that are on it and have not stopped: [zone, [[instance, tasks]]]. */
export function byZone(instances, tasks, clusterArn) {
  const zones = new Map()
  const all = [...tasks].filter((task) => task.clusterArn === clusterArn && task.instance && !isStopped(task))
  for (const instance of instances.filter((item) => item.clusterArn === clusterArn)) {
    const on = all.filter((task) => task.instance === instance.name)
    if (!zones.has(instance.zone)) zones.set(instance.zone, [])
    zones.get(instance.zone).push([instance, on])
  }
  return [...zones].sort(([one], [other]) => one.localeCompare(other))
}

/** In one word how a container instance is: the first that is true. A slice is lost with the engine it is a slice of. */
export function instanceState(instance, engine) {
  const answers = instance.engine ? true : engine.connected
  return instance.agentConnected && answers ? instance.status : "LOST"
}

/** The tasks of a service in places that stay: a newcomer takes the place of the one it fills, everybody else comes last. */
export function placed(tasks, before, desired, isActive) {
  const alive = tasks.filter((task) => !isStopped(task)).sort((one, other) => one.number - other.number)
  const byArn = new Map(tasks.map((task) => [task.arn, task]))
  const heirs = new Map(alive.filter((task) => task.fills).map((task) => [task.fills, task]))
  const taken = new Set(before.filter((arn) => byArn.has(arn) && !isStopped(byArn.get(arn))))
  let missing = isActive ? Math.max(0, desired - alive.length) : 0
  const places = []
  for (const arn of before) {
    const task = byArn.get(arn)
    if (taken.has(arn)) places.push(arn)
    else if (heirs.has(arn) && !taken.has(heirs.get(arn).arn)) {
      places.push(heirs.get(arn).arn)
      taken.add(heirs.get(arn).arn)
    } else if (task && missing > 0) {
      places.push(arn)
      missing -= 1
    }
  }
  return [...places, ...alive.filter((task) => !taken.has(task.arn)).map((task) => task.arn)]
}

/** The tasks of a service, or with null the standalone ones, that run and that nobody has killed yet. */
export function victims(page, arn) {
  return page.tasksOf(arn).filter((task) => task.lastStatus === "RUNNING" && !page.state.killed.has(task.arn))
}

/** How a task ended: finished, killed, failed or stopped (by somebody, or by its service). */
export function ending(task, killed) {
  if (killed.has(task.arn) || (task.exitCode === 137 && task.stopCode === "EssentialContainerExited")) return "killed"
  if (task.stopCode === "UserInitiated" || task.stopCode === "ServiceSchedulerInitiated") return "stopped"
  if (task.exitCode === 0) return "finished"
  return "failed"
}

/** The image that a task waits for while it is fetched or built, or nothing. */
export const pulledFor = (task, pulling) => (WAITS.has(task.lastStatus) ? pulling.get(task.arn) ?? "" : "")

const BY_SCHEDULE = "chronos-schedule/"

/** The name of the schedule that has started a task, or nothing; a long one is cut, as on AWS. */
export const scheduleOf = (task) => (task.startedBy?.startsWith(BY_SCHEDULE) ? task.startedBy.slice(BY_SCHEDULE.length) : "")

/** How the last run of a schedule went: runs, or as `ending` says, the worst of its tasks; nothing where none is known. */
export function lastRun(schedule, tasks, killed) {
  const isOfIt = (task) => task.createdAt === schedule.lastRanAt && scheduleOf(task) && schedule.name.startsWith(scheduleOf(task))
  const found = tasks.filter(isOfIt).map((task) => (isStopped(task) ? ending(task, killed) : "runs"))
  return ["runs", "failed", "killed", "stopped", "finished"].find((word) => found.includes(word)) ?? ""
}

/** In one word how a schedule is: the first that is true. */
export function scheduleState(schedule) {
  if (schedule.state !== "ENABLED") return "PAUSED"
  if (schedule.retrying) return "RETRYING"
  return schedule.nextDueAt === null ? "OVER" : "ENABLED"
}

/** In one word what a service does: the first that is true. */
export function condition(service, gap) {
  if (service.status !== "ACTIVE") return service.status
  if (service.throttle) return "THROTTLED"
  if (service.flapping) return "FLAPPING"
  if (gap) return "RECOVERING"
  if (service.deployments.some((item) => item.rolloutState === "IN_PROGRESS") && service.deployments.length > 1) return "DEPLOYING"
  return service.steady ? "STEADY" : "STARTING"
}

/** How many of a service's tasks ran at each moment of the last `span` seconds, its kills, and its gaps from death to recovery. */
export function courseOfService(events, arn, running, now, span) {
  const from = now - span
  const steps = []
  let count = running
  let until = now
  for (let place = events.length - 1; place >= 0 && events[place].at >= from; place -= 1) {
    const event = events[place]
    const change = event.service !== arn ? 0 : event.type === "TASK_RUNNING" ? -1 : event.type === "TASK_STOPPED" && event.data.reachedRunning ? 1 : 0
    if (!change) continue
    steps.push({ from: event.at, until, count })
    until = event.at
    count = Math.max(0, count + change)
  }
  steps.push({ from, until, count })
  return { steps: steps.reverse(), ...gapsOf(events, arn, now, from) }
}

/** Kills and gaps since a moment, and the gap that is open now, if one is. */
export function gapsOf(events, arn, now, from) {
  const gaps = []
  const kills = []
  let since = null
  for (const event of events) {
    if (event.service !== arn) continue
    if (isKill(event) && event.at >= from) kills.push(event.at)
    if (isKill(event) || (event.type === "TASK_STOPPED" && event.data.stopCode === "EssentialContainerExited")) since ??= event.at
    if (event.type === "SERVICE_RECOVERED") gaps.push({ from: event.at - event.data.seconds, until: event.at, seconds: event.data.seconds })
    if (event.type === "SERVICE_RECOVERED" || event.type === "SERVICE_STEADY" || event.type === "SERVICE_DELETED") since = null
  }
  const open = since === null ? null : { from: since, until: now, seconds: now - since, open: true }
  return { kills, gaps: gaps.filter((gap) => gap.until >= from), open }
}

/** The newest standalone tasks, each with its life and what came after it. */
export function courseOfTasks(tasks, killed, now, most) {
  return [...tasks].sort((one, other) => one.number - other.number).slice(-most).map((task) => ({
    task,
    from: task.startedAt ?? task.createdAt,
    until: task.stoppedAt ?? now,
    end: isStopped(task) ? ending(task, killed) : "running",
  }))
}

/** Whose requests the last seconds' were: shares in percent, of differences between two looks at the client's counts. */
export function shares(older, newer) {
  const found = new Map()
  let all = 0
  for (const [id, told] of Object.entries(newer?.tasks ?? {})) {
    const before = older?.tasks?.[id] ?? { requests: 0, failed: 0 }
    const requests = told.requests - before.requests
    found.set(id, { requests, failed: told.failed - before.failed })
    all += requests
  }
  for (const told of found.values()) told.percent = all ? (100 * told.requests) / all : 0
  return found
}

/** By nearest rank; null of nothing. */
export function percentile(values, percent) {
  if (!values.length) return null
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]
}
