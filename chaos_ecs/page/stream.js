// Where the page hears from: one event stream a browser, and /state. Never here: what any of it means.
//
// One tab that is seen holds a lock and has the stream; it tells the others. Whoever is hidden has nothing open, and
// resumes by number. A tab believes only what it has asked for itself: that /state answers is what keeps it alive.

const EVENTS_BEHIND = 400
const FETCH_PAUSE = 250
const GIVE_UP = 2500
const AGAIN = 60
const NO_SESSION = new Set([400, 401, 403]) // 400: neither a session nor a signature
const RETRIES = [100, 500, 1000, 2000, 3000]

/** Asks once more at once when the connection broke; what is asked must do no harm when it is done twice. */
export async function persistently(ask) {
  try {
    return await ask()
  } catch (error) {
    if (error.name === "TimeoutError") throw error
    await new Promise((resolve) => setTimeout(resolve, AGAIN))
    return ask()
  }
}

export class Stream {
  /** `hears` has events(list), state(snapshot), anew() (another record), connection(word): live, lost, over, paused. */
  constructor(number, hears) {
    this.hears = hears
    this.last = Math.max(0, number - EVENTS_BEHIND)
    this.pause = 3000 // between two looks while nothing happens
    this.word = ""
    this.source = null
    this.release = null
    this.tries = 0
    this.fetched = 0
    this.took = 0 // the last look: who answers slowly is asked less often
    this.busy = null
    this.visit = 0 // how often it was opened: what an earlier visit has begun does not end in a later one
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()))
    addEventListener("pagehide", () => this.close())
    addEventListener("pageshow", (event) => event.persisted && this.open())
  }

  async open() {
    if (document.hidden || this.word === "over") return
    const visit = (this.visit += 1)
    this.busy = null // a look that an earlier visit has begun ends for that one
    this.channel?.close()
    this.channel = new BroadcastChannel("chaos-ecs-events")
    this.channel.onmessage = ({ data }) => this.take(data)
    clearInterval(this.watch)
    this.watch = setInterval(() => performance.now() - this.fetched > this.pause && this.look(), 200)
    if (!(await this.look()) || visit !== this.visit) return
    await this.catchUp()
    if (visit === this.visit) this.lead(visit)
  }

  close() {
    this.visit += 1
    clearInterval(this.watch)
    clearTimeout(this.retry)
    this.letGo()
    this.channel?.close()
    this.say("paused")
  }

  /** Waits for its turn to have the stream; without locks every tab has its own. */
  lead(visit) {
    const hold = () =>
      new Promise((resolve) => {
        if (visit !== this.visit) return resolve()
        this.release = resolve
        this.listen()
      })
    if (!navigator.locks) return void hold()
    this.waiting = new AbortController()
    navigator.locks.request("chaos-ecs-events", { signal: this.waiting.signal }, hold).catch(() => {})
  }

  listen() {
    const source = (this.source = new EventSource(`/events?after=${this.last}&follow=1`))
    source.onmessage = ({ data }) => {
      const events = [JSON.parse(data)]
      this.take(events)
      this.channel.postMessage(events)
    }
    source.onerror = () => source === this.source && this.doubt()
  }

  /** The stream broke: browsers drop all connections when a network interface comes or goes, as containers' do. */
  doubt() {
    this.letGo()
    this.open()
  }

  letGo() {
    this.source?.close()
    this.source = null
    this.waiting?.abort()
    this.waiting = null
    this.release?.()
    this.release = null
  }

  take(events) {
    const fresh = events.filter((event) => event.number > this.last)
    if (!fresh.length) return
    if (!this.source && fresh[0].number > this.last + 1) return void this.catchUp()
    this.last = fresh.at(-1).number
    this.hears.events(fresh)
    this.wanted()
  }

  /** What was missed, all at once. */
  async catchUp() {
    try {
      const answer = await fetch(`/events?after=${this.last}&follow=0`, { signal: AbortSignal.timeout(GIVE_UP) })
      if (!answer.ok) return
      const lines = (await answer.text()).split("\n").filter((line) => line.startsWith("data: "))
      const events = lines.map((line) => JSON.parse(line.slice(6))).filter((event) => event.number > this.last)
      if (!events.length) return
      this.last = events.at(-1).number
      this.hears.events(events)
    } catch {
      // the next look says whether anybody answers
    }
  }

  /** Events came: the rest of the state is of interest, soon and not too often. */
  wanted() {
    if (this.soon) return
    const wait = Math.max(30, Math.max(FETCH_PAUSE, 4 * this.took) - (performance.now() - this.fetched))
    this.soon = setTimeout(() => {
      this.soon = null
      if (!document.hidden) this.look()
    }, wait)
  }

  /** The state anew; answers whether somebody has told it. */
  look() {
    if (this.busy) return this.busy
    const mine = (this.busy = this.asked().finally(() => {
      if (this.busy === mine) this.busy = null
    }))
    return mine
  }

  async asked() {
    this.fetched = performance.now()
    const { visit, last } = this
    try {
      const answer = await persistently(() => fetch("/state", { signal: AbortSignal.timeout(GIVE_UP) }))
      if (NO_SESSION.has(answer.status)) return this.over()
      if (!answer.ok) throw new Error(String(answer.status))
      const state = await answer.json()
      this.took = performance.now() - this.fetched
      if (document.hidden) return true
      if (state.number < last) {
        this.last = state.number // a record begun anew: no state is older than what was heard before it was asked for
        this.hears.anew()
      }
      this.tries = 0
      this.hears.state(state)
      this.say("live")
      if (!this.source && state.number > this.last) this.catchUp()
      return true
    } catch {
      if (visit === this.visit) this.lost()
      return false
    }
  }

  lost() {
    this.letGo()
    this.say("lost")
    clearTimeout(this.retry)
    clearInterval(this.watch)
    this.visit += 1
    this.retry = setTimeout(() => this.open(), RETRIES[Math.min(this.tries, RETRIES.length - 1)])
    this.tries += 1
  }

  over() {
    this.close()
    this.say("over")
    return false
  }

  say(word) {
    if (word === this.word || this.word === "over") return
    this.word = word
    this.hears.connection(word)
  }
}
