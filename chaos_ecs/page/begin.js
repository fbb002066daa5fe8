// Loads the page's modules; all of them anew when one did not come. Browsers drop what they have asked for whenever a
// network interface comes or goes, as containers' do: of a dozen modules one was lost in 2 of 100 visits.

const AGAIN = 300
const TRIES = 5 // more in a row have another reason
const KEY = "chaos-ecs.begun"

// The key of the session is told once: it is kept where no other port of this machine can read it.
const { actKey } = JSON.parse(document.getElementById("boot").textContent)
if (actKey) localStorage.setItem("chaos-ecs.act", actKey)

import("./cluster.js").then(
  () => sessionStorage.removeItem(KEY),
  (error) => {
    const tries = Number(sessionStorage.getItem(KEY) ?? 0) + 1
    if (!/modul/i.test(error.message) || tries > TRIES) throw error
    sessionStorage.setItem(KEY, String(tries))
    setTimeout(() => location.reload(), AGAIN)
  },
)
