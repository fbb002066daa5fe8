// How the page looks to whoever sits here, and what of that this browser remembers.

import { put } from "./tiles.js"
import { t } from "./words.js"

const byId = (id) => document.getElementById(id)
const root = document.documentElement

/** Remembered in this browser, where it lets us. */
export function remembered(name, value) {
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

/** Puts the buttons of the page's head to work. A projector shows the newest events: `unfilter` makes them all of them. */
export function wireSettings(unfilter) {
  showTheme(remembered("theme"))
  showProjector(remembered("projector") === "true")
  dark.addEventListener("change", () => showTheme(remembered("theme")))
  byId("theme").addEventListener("click", () => {
    const theme = byId("theme").textContent === t("view.light") ? "light" : "dark"
    remembered("theme", theme)
    showTheme(theme)
  })
  byId("projector").addEventListener("click", () => {
    const isOn = root.dataset.projector !== "true"
    remembered("projector", String(isOn))
    if (isOn) unfilter()
    showProjector(isOn)
  })
  for (const link of document.querySelectorAll("[data-language]")) if (link.dataset.language === root.lang) link.setAttribute("aria-current", "true")
  byId("single-keys").checked = remembered("keys") !== "off"
  byId("single-keys").addEventListener("change", ({ target }) => remembered("keys", target.checked ? "on" : "off"))
}
