// Tiles of tasks: one element a task, changed only where something changed, and never without the focus.

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value)
    else element[name] = value
  }
  element.append(...children)
  return element
}

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text
}

const SURE_MS = 6000

/** A button that wants two presses: the first asks `question()`, the second, soon after, does `work`. */
export function surely(button, text, question, work) {
  let timer = null
  const rest = () => {
    clearTimeout(timer)
    timer = null
    put(button, text)
  }
  put(button, text)
  button.addEventListener("click", ({ detail }) => {
    if (detail > 1) return // the second half of a double click
    if (timer) {
      rest()
      return work()
    }
    put(button, question())
    timer = setTimeout(rest, SURE_MS)
  })
  return button
}

export class Tiles {
  /** `press(arn)` is what a press on a tile does; without it tiles are no buttons. */
  constructor(list, press = null) {
    this.list = list
    this.press = press
    this.tiles = new Map()
    list.replaceChildren()
    list.addEventListener("keydown", (event) => this.move(event))
    list.addEventListener("focusin", (event) => this.rove(event.target.closest(".tile")))
    list.addEventListener("click", (event) => {
      const tile = event.target.closest(".tile")
      if (tile && press && tile.getAttribute("aria-disabled") !== "true") press(tile.dataset.task)
    })
  }

  /** `views` in order: {arn, state, word, id, detail, why, label, dead, fills, percent, failed}. */
  show(views) {
    const wanted = new Set(views.map((view) => view.arn))
    const focused = this.list.contains(document.activeElement) ? document.activeElement.closest(".tile") : null
    const place = focused ? [...this.list.children].indexOf(focused.parentElement) : -1
    const lost = focused && !wanted.has(focused.dataset.task) ? focused.dataset.task : null
    for (const [arn, tile] of this.tiles) {
      if (wanted.has(arn)) continue
      tile.item.remove()
      this.tiles.delete(arn)
    }
    let next = this.list.firstElementChild
    for (const view of views) {
      const tile = this.tiles.get(view.arn) ?? this.made(view.arn)
      if (tile.item === next) next = next.nextElementSibling
      else this.list.insertBefore(tile.item, next)
      this.fill(tile, view)
    }
    this.list.dataset.density = views.length > 100 ? "dense" : views.length > 24 ? "compact" : "roomy"
    if (lost) this.refocus(views, lost, place)
    else if (!this.list.querySelector('.tile[tabindex="0"]')) this.rove(this.list.querySelector(".tile"))
  }

  refocus(views, lost, place) {
    const heir = views.find((view) => view.fills === lost) ?? views[Math.min(place, views.length - 1)]
    const target = heir ? this.tiles.get(heir.arn).button : document.getElementById("cluster")
    target.focus({ preventScroll: true })
  }

  made(arn) {
    const button = make(this.press ? "button" : "div", { class: "tile" })
    if (this.press) button.type = "button"
    button.dataset.task = arn
    button.tabIndex = -1
    const parts = {}
    for (const name of ["word", "id", "detail", "why", "share"]) button.append((parts[name] = make("span", { class: name })))
    parts.share.append((parts.bar = make("i")), (parts.percent = make("span")))
    const tile = { item: make("li", {}, button), button, parts, seen: null }
    this.tiles.set(arn, tile)
    return tile
  }

  fill(tile, view) {
    if (tile.seen === view) return
    tile.seen = view
    const { button, parts } = tile
    button.dataset.state = view.state
    if (this.press) {
      button.setAttribute("aria-label", view.label)
      button.setAttribute("aria-disabled", String(view.dead))
    }
    put(parts.word, view.word)
    put(parts.id, view.id)
    put(parts.detail, view.detail)
    put(parts.why, view.why)
    parts.share.hidden = view.percent === null
    if (view.percent === null) return
    parts.bar.style.width = `${Math.min(100, view.percent).toFixed(0)}%`
    parts.share.dataset.failed = String(view.failed > 0)
    put(parts.percent, view.share)
  }

  /** Only one tile of a list is on the way of the Tab key. */
  rove(tile) {
    if (!tile) return
    this.current?.setAttribute("tabindex", "-1")
    this.current = tile
    tile.tabIndex = 0
  }

  move(event) {
    if (event.key === "Enter" && event.repeat) return event.preventDefault() // held: the replacement has the focus by now
    const tile = event.target.closest(".tile")
    const items = [...this.list.children].map((item) => item.firstElementChild)
    const here = items.indexOf(tile)
    if (here < 0 || event.ctrlKey || event.metaKey || event.altKey) return
    const there = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: items.length - 1 }[event.key] ?? this.beside(items, here, event.key)
    if (there === null) return
    event.preventDefault()
    items[Math.max(0, Math.min(items.length - 1, there))].focus()
  }

  /** The tile above or below. */
  beside(items, here, key) {
    if (key !== "ArrowUp" && key !== "ArrowDown") return null
    const columns = items.filter((item) => item.parentElement.offsetTop === items[0].parentElement.offsetTop).length
    const there = here + (key === "ArrowDown" ? columns : -columns)
    return there < 0 || there >= items.length ? here : there
  }
}
