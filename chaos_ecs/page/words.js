// Texts, figures, and commands of the aws CLI as text. Pure, but for the texts that are handed in once.

let texts = {}
let language = "en"

export function speak(words, tongue) {
  texts = words
  language = tongue
}

/** The text of a key, with what stands in braces put in. An unknown key is shown as it is. */
export function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? ""))
}
export const has = (key) => key in texts

const formats = new Map()

export function number(value, digits = 0) {
  const key = `${language} ${digits}`
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }))
  return formats.get(key).format(value)
}

export const seconds = (value) => t("seconds", { n: number(value, value < 100 ? 1 : 0) })

/** 5 -> 0:05, 3725 -> 1:02:05 */
export function age(value) {
  const whole = Math.max(0, Math.floor(value))
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"))
  const hours = Math.floor(whole / 3600)
  return hours ? `${hours}:${parts.join(":")}` : `${Number(parts[0])}:${parts[1]}`
}

/** Without the length of ARNs: (target-group arn:aws:...:targetgroup/web/26) -> (target-group web) */
export const plain = (text) => (text ?? "").replace(/arn:aws:\S*?:[a-z-]+\/(?:app\/)?([\w-]+)(?:\/[\w-]+)*/g, "$1")

/** How long it is until then: 58 -> 0:58, three days -> 3 days. */
export const left = (value) => (value < 172_800 ? age(Math.ceil(value)) : t("days", { n: number(Math.floor(value / 86_400)) }))

/** A moment on this machine's clock, with its day where that is not today. */
export function moment(at, now) {
  const day = (value) => new Date(value * 1000).toDateString()
  const key = `${language} ${day(at) === day(now)}`
  const options = { timeStyle: "medium", ...(day(at) === day(now) ? {} : { dateStyle: "medium" }) }
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, options))
  return formats.get(key).format(new Date(at * 1000))
}

export function clock(at) {
  const date = new Date(at * 1000)
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0"))
  return `${parts.join(":")}.${Math.floor(date.getMilliseconds() / 100)}`
}

// --- the aws CLI ---

export const dashed = (name) => name.replace(/(?<=[a-z])([A-Z])/g, "-$1").toLowerCase()
export const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\"'\"'")}'`)
const short = (name, value) => (value.startsWith("arn:") && !name.endsWith("Arn") ? value.slice(value.lastIndexOf("/") + 1) : value)

function option(name, value) {
  if (typeof value === "boolean") return `--${value ? "" : "no-"}${dashed(name)}`
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return `--${dashed(name)} ${value.map(quoted).join(" ")}`
  if (typeof value === "object") return `--${dashed(name)} ${quoted(JSON.stringify(value))}`
  return `--${dashed(name)} ${quoted(typeof value === "string" ? short(name, value) : String(value))}`
}

/** An operation of ECS, or of another service, as the command that does the same, in rows. */
export function command(operation, members, api = "ecs") {
  const options = Object.entries(members).filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => option(name, value))
  return [`aws ${api} ${dashed(operation)}`, ...options].join(" \\\n  ")
}

/** A service behind a load balancer, from nothing: the script that makes all that create-service takes for granted. */
export function serviceScript({ cluster, service, definition, count, container, port, path }) {
  const create = { cluster, serviceName: service, taskDefinition: definition, desiredCount: count }
  if (!port) return command("CreateService", create)
  const name = quoted(service)
  return `group=$(aws elbv2 create-target-group \\
  --name ${name} --protocol HTTP --port ${port} \\${path ? `\n  --health-check-path ${quoted(path)} \\` : ""}
  --target-type instance --vpc-id vpc-1 \\
  --query 'TargetGroups[0].TargetGroupArn' --output text)
front=$(aws elbv2 create-load-balancer \\
  --name ${name} --subnets subnet-1 subnet-2 \\
  --query 'LoadBalancers[0].LoadBalancerArn' --output text)
aws elbv2 create-listener --load-balancer-arn "$front" \\
  --protocol HTTP --port 80 \\
  --default-actions "Type=forward,TargetGroupArn=$group"
${command("CreateService", create)} \\
  --load-balancers \\
  "targetGroupArn=$group,containerName=${container},containerPort=${port}"`
}
