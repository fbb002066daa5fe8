// Loads the page's modules; all of them anew when one did not come. Browsers drop what they have asked for whenever a
// network interface comes or goes, as containers' do: of a dozen modules one was lost in 2 of 100 visits.

const AGAIN = 300

import("./cluster.js").catch((error) => {
  if (!/modul/i.test(error.message)) throw error // not one that did not come, but one that is wrong
  setTimeout(() => location.reload(), AGAIN)
})
