// The last minute, drawn to scale. Never here: what happened in it (see `reduce.js`).

import { shortId } from "./reduce.js"
import { seconds, t } from "./words.js"

export const SPAN = 60
const HEIGHT = 84
const TOP = 18
const BASE = 64
const LANE = 20
let hatches = 0

function shape(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  if (text !== undefined) element.textContent = text
  return element
}

/** An svg that knows its width without asking for it each time. */
export class Course {
  constructor(svg) {
    this.svg = svg
    this.width = 0
    this.hatch = `hatch-${(hatches += 1)}`
    svg.setAttribute("height", HEIGHT)
    this.letter = 7.2 // about as wide as one is
    new ResizeObserver(([entry]) => {
      this.width = entry.contentRect.width
      this.letter = 0.6 * Number.parseFloat(getComputedStyle(svg).fontSize)
    }).observe(svg)
  }

  start(now) {
    const { width } = this
    this.x = (at) => Math.max(0, width - ((now - at) / SPAN) * width)
    this.ends = []
    const pattern = shape("pattern", { id: this.hatch, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" })
    pattern.append(shape("rect", { width: 6, height: 6, class: "hatch-ground" }), shape("rect", { width: 3, height: 6, class: "hatch-line" }))
    const defs = shape("defs", {})
    defs.append(pattern)
    this.parts = [defs, shape("line", { x1: 0, x2: width, y1: BASE + 0.5, y2: BASE + 0.5, class: "axis" })]
    for (let ago = 0; ago <= SPAN; ago += 10) {
      const x = width - (ago / SPAN) * width
      this.parts.push(shape("line", { x1: x, x2: x, y1: BASE, y2: BASE + 4, class: "axis" }))
      if (ago % 20 && width < 800) continue
      const anchor = ago === 0 ? "end" : ago === SPAN ? "start" : "middle"
      this.parts.push(shape("text", { x, y: HEIGHT - 4, class: "tick", "text-anchor": anchor }, ago ? t("course.ago", { n: ago }) : t("course.now")))
    }
  }

  rect(from, until, y, height, kind) {
    const x = this.x(from)
    const width = Math.max(1, this.x(until) - x)
    const fill = kind === "gap" ? { fill: `url(#${this.hatch})` } : {}
    this.parts.push(shape("rect", { x, y, width, height, class: kind, ...fill }))
  }

  cross(at, y) {
    const x = this.x(at)
    if (x > 0) this.parts.push(shape("path", { d: `M${x - 4} ${y - 4}l8 8m0-8l-8 8`, class: "cross" }))
  }

  /** Text above, unless it would lie on another: the newest is written first. */
  label(at, text) {
    const x = this.x(at)
    const half = (text.length * this.letter) / 2
    const middle = Math.min(Math.max(x, half), this.width - half)
    if (this.ends.some((other) => Math.abs(other.middle - middle) < other.half + half + 4)) return
    this.ends.push({ middle, half })
    this.parts.push(shape("text", { x: middle, y: 12, class: "name", "text-anchor": "middle" }, text))
  }

  end(said) {
    this.svg.setAttribute("aria-label", said)
    this.svg.replaceChildren(...this.parts)
  }
}

/** Tasks that ran, as height; gaps hatched and named. */
export function drawService(course, { steps, gaps, open, kills }, now, desired) {
  if (!course.width) return
  course.start(now)
  const most = Math.max(1, desired, ...steps.map((step) => step.count))
  const points = steps.map(({ from, until, count }) => `V${(BASE - ((BASE - TOP) * count) / most).toFixed(1)}H${course.x(until).toFixed(1)}`)
  course.parts.push(shape("path", { d: `M${course.x(steps[0].from)} ${BASE}${points.join("")}V${BASE}Z`, class: "ran" }))
  const wanted = BASE - ((BASE - TOP) * desired) / most
  course.parts.push(shape("line", { x1: 0, x2: course.width, y1: wanted, y2: wanted, class: "desired" }))
  const all = open ? [...gaps, open] : gaps
  for (const gap of all) course.rect(gap.from, gap.until, TOP, BASE - TOP, "gap")
  for (const at of kills) course.cross(at, TOP + 8)
  for (const gap of [...all].reverse()) course.label((gap.from + gap.until) / 2, gapName(gap))
  course.end(all.length ? all.map(gapName).join(", ") : t("course.none"))
}

export const gapName = (gap) => t(gap.open ? "gap.open" : "gap", { seconds: seconds(gap.seconds) })

/** Each task a lane: its life, its end, and that nothing comes after it. */
export function drawTasks(course, lives, now) {
  if (!course.width) return
  course.start(now)
  const said = []
  lives.forEach(({ task, from, until, end }, lane) => {
    const y = lane * LANE + 4
    const height = LANE - 6
    if (until > now - SPAN) course.rect(from, until, y, height, end === "running" ? "ran" : "was")
    const isGap = end === "killed" || end === "failed" || end === "stopped"
    if (isGap) course.rect(until, now, y, height, "gap")
    if (isGap) course.cross(until, y + height / 2)
    const words = `${shortId(task.arn)} ${t(`lane.${end}`)}`
    said.push(words)
    const begins = course.x(from)
    const x = end === "running" ? begins : course.x(until)
    const isLeft = begins > course.width / 2
    course.parts.push(shape("text", { x: isLeft ? begins - 6 : x + 8, y: y + height - 2, class: "lane", "text-anchor": isLeft ? "end" : "start" }, words))
  })
  course.end(said.length ? said.join(", ") : t("course.none"))
}
