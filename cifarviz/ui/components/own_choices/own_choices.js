// Puts what a page chose by itself into the address, in place of the entry that the history has.

const pages = new WeakMap(); // the path of the page that a place on it was made for

export default function ({ data, parentElement }) {
  const address = new URL(window.location.href);
  if (!pages.has(parentElement)) pages.set(parentElement, address.pathname);
  // Called late, the address may be another page's by now.
  if (pages.get(parentElement) !== address.pathname) return;
  const missing = Object.entries(data).filter(([name]) => !address.searchParams.has(name));
  if (missing.length === 0) return;
  for (const [name, value] of missing) address.searchParams.set(name, value);
  window.history.replaceState(window.history.state, "", address);
  // Streamlit keeps a copy of the address, and looks at the real one only when it is told so.
  window.dispatchEvent(new PopStateEvent("popstate", { state: window.history.state }));
}
