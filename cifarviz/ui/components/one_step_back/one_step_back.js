// Makes st.switch_page one entry of the browser's history instead of two.
//
// Streamlit's first entry has the old page's path with the new page's values, and right after it
// comes the true one, with the new path and the same values: that takes the first one's place.

const MARK = Symbol.for("cifarviz.one_step_back");
// Milliseconds within which the second follows, also on a laden machine.
const SOON = 5000;

export default function () {
  if (window[MARK]) return;
  window[MARK] = true;
  const push = window.history.pushState.bind(window.history);
  let last = null; // where the newest entry leads, and when it was made

  // What a person does in between makes the first entry a place where somebody was.
  for (const kind of ["popstate", "pointerdown", "keydown"])
    window.addEventListener(kind, () => (last = null), true);

  window.history.pushState = (state, unused, url) => {
    const from = window.location.pathname;
    const to = new URL(url ?? "", window.location.href);
    const now = performance.now();
    const half =
      last !== null && now - last.when < SOON && from !== to.pathname && last.search === to.search;
    if (half) window.history.replaceState(state, unused, url);
    else push(state, unused, url);
    last = from === to.pathname ? { search: to.search, when: now } : null;
  };
}
