// Keeps one history entry per page: changes of the open page's address replace its entry, and Back
// leads to the previous page as it was left.

const MARK = Symbol.for("cifarviz.page_history");
// Parameters of Streamlit's, and those that components keep in the address while they play.
const EMBEDDED = ["embed", "embed_options"];
const OTHERS = [...EMBEDDED, "at", "pace"];

export default function ({ data }) {
  if (!window[MARK]) keepOneEntry();
  if (isOpen(data.page)) exchange(data.sent, data.address);
}

function keepOneEntry() {
  window[MARK] = true;
  const push = window.history.pushState.bind(window.history);
  window.history.pushState = (state, unused, url) => {
    const to = new URL(url ?? "", window.location.href);
    if (to.pathname === window.location.pathname) {
      window.history.replaceState(state, unused, url);
    } else push(state, unused, url);
  };
}

// Called late, the address may be another page's by now.
function isOpen(page) {
  return window.location.pathname.split("/").at(-1) === page;
}

// Replaces the address the page was requested with by the one it starts with. Any other address is
// newer and stays.
function exchange(sent, address) {
  const url = new URL(window.location.href), held = url.searchParams;
  const names = [...held.keys()].filter((name) => !OTHERS.includes(name));
  const wanted = Object.keys(sent).filter((name) => !OTHERS.includes(name));
  if (names.length !== wanted.length || wanted.some((name) => held.get(name) !== sent[name])) return;
  for (const [name, value] of Object.entries(sent)) {
    // A component of this page may have written another value by now.
    if (!EMBEDDED.includes(name) && held.get(name) === value) held.delete(name);
  }
  for (const [name, value] of Object.entries(address)) held.set(name, value);
  if (url.href !== window.location.href) {
    window.history.replaceState(window.history.state, "", url);
  }
}
