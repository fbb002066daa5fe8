// The cluster's container instances by availability zone, each with its tasks: which zone has died is seen at a look.

import { byZone, instanceState, shortId } from "./reduce.js"
import { make, put } from "./tiles.js"
import { number, t } from "./words.js"

const IDS_SHOWN = 6

export class Instances {
  /** `page` has state, about, isSure(). */
  constructor(page) {
    this.page = page
    this.section = document.getElementById("instances")
    this.list = document.getElementById("zones")
    this.from = "" // what is shown was made from this
  }

  /** Nothing in it can have the focus, so that it is made anew whenever something of it has changed. */
  show() {
    const { state, about } = this.page
    const zones = byZone(state.containerInstances ?? [], state.tasks.values(), about.clusterArn)
    const told = zones.map(([zone, hosts]) => [zone, hosts.map(([instance, tasks]) => this.told(instance, tasks))])
    const from = JSON.stringify(told)
    if (from === this.from) return
    this.from = from
    this.section.hidden = !zones.length
    this.list.replaceChildren(...told.map(([zone, hosts]) => this.zone(zone, hosts)))
  }

  told(instance, tasks) {
    const state = instanceState(instance, this.page.state.engine)
    const word = t(`instance.${state}`)
    const ids = tasks.map((task) => shortId(task.arn))
    const shown = ids.slice(0, IDS_SHOWN).join(" ")
    const some = ids.length > IDS_SHOWN ? t("instance.more", { tasks: shown, n: number(ids.length - IDS_SHOWN) }) : shown
    return {
      state,
      name: instance.name,
      word: this.page.isSure() ? word : t("was", { word }),
      room: instance.memory ? t("instance.room", { memory: number(instance.memoryUsed), all: number(instance.memory) }) : "",
      tasks: ids.length ? t("instance.tasks", { n: number(ids.length), tasks: some }) : t("instance.none"),
    }
  }

  zone(zone, hosts) {
    const list = make("ul", { role: "list", "aria-label": zone })
    for (const host of hosts) {
      const item = make("li", { class: "host" })
      item.dataset.state = host.state
      const room = make("span", { class: "quiet" })
      put(room, host.room)
      item.append(make("p", {}, make("b", {}, host.name), " ", make("strong", {}, host.word), " ", room), make("p", {}, host.tasks))
      list.append(item)
    }
    return make("li", {}, make("b", { class: "zone" }, zone), list)
  }
}
